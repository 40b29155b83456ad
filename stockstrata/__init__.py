"""The pure planning library: frames in, frames out; no clock, no files, no environment, no orchestration."""
