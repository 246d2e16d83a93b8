//! What a service knows of its own state.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use opentelemetry::KeyValue;
use opentelemetry::metrics::Meter;
use serde::Serialize;

pub const READY: &str = "orgwatch.ready";

/// The checks of one process; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Health {
    state: Arc<Mutex<State>>,
}

/// One thing that must work for the service to be ready. Clones tell of the same thing.
#[derive(Clone, Debug)]
pub struct Check {
    name: String,
    health: Health,
}

/// What `/readyz` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Readiness {
    pub ready: bool,
    /// By name.
    pub checks: Vec<CheckState>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckState {
    pub name: String,
    pub up: bool,
    /// Why it is down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Health {
    /// A check, down until it is said to be up. A name that exists gives the check it has.
    pub fn register(&self, name: impl Into<String>) -> Check {
        let name = name.into();
        self.lock().down.entry(name.clone()).or_insert_with(|| Some("starting".to_owned()));
        Check { name, health: self.clone() }
    }

    /// Start-up is over; it never comes back.
    pub fn started(&self) {
        self.lock().has_started = true;
    }

    pub fn has_started(&self) -> bool {
        self.lock().has_started
    }

    /// Ready is who has no check that is down.
    pub fn readiness(&self) -> Readiness {
        let state = self.lock();
        let check = |(name, reason): (&String, &Option<String>)| CheckState {
            name: name.clone(),
            up: reason.is_none(),
            reason: reason.clone(),
        };
        let checks: Vec<CheckState> = state.down.iter().map(check).collect();
        Readiness { ready: checks.iter().all(|check| check.up), checks }
    }

    /// Adds the gauge [`READY`] to `meter`: 1 for each check that is up, 0 for each that is down.
    pub(super) fn observe(&self, meter: &Meter) {
        let health = self.clone();
        meter
            .u64_observable_gauge(READY)
            .with_description("Whether a check is up")
            .with_callback(move |observer| {
                for check in health.readiness().checks {
                    observer.observe(check.up.into(), &[KeyValue::new("check", check.name)]);
                }
            })
            .build();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that holds the lock can leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Check {
    pub fn up(&self) {
        self.set(None);
    }

    /// The reason is shown to whoever asks: no secrets.
    pub fn down(&self, reason: impl Into<String>) {
        self.set(Some(reason.into()));
    }

    /// Logs turns from up to down and back, not repetitions.
    fn set(&self, reason: Option<String>) {
        let before = self.health.lock().down.insert(self.name.clone(), reason.clone()).flatten();
        match (before, reason) {
            (None, Some(reason)) => tracing::warn!(check = self.name, reason, "not ready"),
            (Some(_), None) => tracing::info!(check = self.name, "ready"),
            _ => {}
        }
    }
}

#[derive(Debug, Default)]
struct State {
    has_started: bool,
    /// Why each check is down; none where it is up.
    down: BTreeMap<String, Option<String>>,
}

#[cfg(test)]
mod tests {
    use opentelemetry::metrics::MeterProvider as _;
    use opentelemetry_sdk::metrics::SdkMeterProvider;
    use prometheus::{Registry, TextEncoder};

    use super::*;

    #[test]
    fn a_check_is_down_until_it_is_up() {
        let health = Health::default();
        let check = health.register("nats");
        assert_eq!(health.readiness().checks[0].reason.as_deref(), Some("starting"));
        check.up();
        assert!(health.readiness().ready);
        assert!(health.register("nats").health.readiness().ready, "the check it has");
    }

    #[test]
    fn a_gauge_follows_each_check() {
        let registry = Registry::new();
        let exporter = opentelemetry_prometheus::exporter().with_registry(registry.clone()).build().unwrap();
        let provider = SdkMeterProvider::builder().with_reader(exporter).build();
        let health = Health::default();
        health.observe(&provider.meter("orgwatch"));
        let told = || {
            let text = TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
            ["nats", "postgres"].map(|check| {
                let series = format!("orgwatch_ready{{check=\"{check}\",otel_scope_name=\"orgwatch\"}} ");
                text.lines().find_map(|line| line.strip_prefix(&series)).map(str::to_owned)
            })
        };
        assert_eq!(told(), [None, None]);
        let (nats, postgres) = (health.register("nats"), health.register("postgres"));
        nats.up();
        assert_eq!(told(), [Some("1".to_owned()), Some("0".to_owned())]);
        nats.down("not connected");
        postgres.up();
        assert_eq!(told(), [Some("0".to_owned()), Some("1".to_owned())]);
    }
}
