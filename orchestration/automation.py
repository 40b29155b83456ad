"""Rules that hold for all assets: who owns them, and what has the warehouse to itself."""

WRITER_POOL = "warehouse_writer"
OWNERS = ["team:inventory-planning"]
PLATFORM_OWNERS = ["team:data-platform"]
