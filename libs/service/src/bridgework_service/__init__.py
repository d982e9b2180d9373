"""Chassis: settings, logging, metrics, health, lifecycle, tenants and their keys."""
