"""Forecasts per pool, their validation, and demand over the protection interval as a distribution."""
