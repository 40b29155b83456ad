"""Demand history explained before it is forecast: returns, outliers, projects, promotions and stock-outs."""
