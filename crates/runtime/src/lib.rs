//! What every service shares: configuration, telemetry, health, shutdown.
