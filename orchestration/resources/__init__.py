"""The things that assets are given: settings, warehouse, landing, parameters, dbt."""
