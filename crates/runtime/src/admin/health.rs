//! The health of a process: its checks, and whether it has started.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use opentelemetry::KeyValue;
use opentelemetry::metrics::Meter;
use serde::Serialize;

/// Name of the gauge of checks.
pub const READY: &str = "orgwatch.ready";

/// The checks of one process. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Health {
    state: Arc<Mutex<State>>,
}

/// A dependency that must work for the service to be ready. Clones share one state.
#[derive(Clone, Debug)]
pub struct Check {
    name: String,
    health: Health,
}

/// The body of `/readyz`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Readiness {
    /// Whether all checks are up.
    pub ready: bool,
    /// Ordered by name.
    pub checks: Vec<CheckState>,
}

/// The state of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckState {
    /// Such as `nats`.
    pub name: String,
    /// Whether it works, at least in part.
    pub up: bool,
    /// Why it is down, or what does not work; none while all of it works.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Health {
    /// Returns the check of this name. A new one is down until [`Check::up`].
    pub fn register(&self, name: impl Into<String>) -> Check {
        let name = name.into();
        self.lock().conditions.entry(name.clone()).or_insert_with(|| Condition::Down("starting".to_owned()));
        Check { name, health: self.clone() }
    }

    /// Reports that start-up is complete.
    pub fn started(&self) {
        self.lock().has_started = true;
    }

    /// Returns whether start-up is complete.
    pub fn has_started(&self) -> bool {
        self.lock().has_started
    }

    /// Returns the state of all checks. The process is ready if none is down.
    pub fn readiness(&self) -> Readiness {
        let state = self.lock();
        let check = |(name, condition): (&String, &Condition)| {
            let (up, reason) = match condition {
                Condition::Up => (true, None),
                Condition::Degraded(reason) => (true, Some(reason.clone())),
                Condition::Down(reason) => (false, Some(reason.clone())),
            };
            CheckState { name: name.clone(), up, reason }
        };
        let checks: Vec<CheckState> = state.conditions.iter().map(check).collect();
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
        // No panic can happen during a change of the state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Check {
    /// Marks the check as up.
    pub fn up(&self) {
        self.set(Condition::Up);
    }

    /// Marks the check as up, though a part of what it stands for does not work. `/readyz` shows the reason, so it must
    /// hold no secret.
    pub fn degraded(&self, reason: impl Into<String>) {
        self.set(Condition::Degraded(reason.into()));
    }

    /// Marks the check as down. `/readyz` shows the reason, so it must hold no secret.
    pub fn down(&self, reason: impl Into<String>) {
        self.set(Condition::Down(reason.into()));
    }

    /// Logs when the check begins to work or stops working.
    fn set(&self, condition: Condition) {
        let was_down = matches!(
            self.health.lock().conditions.insert(self.name.clone(), condition.clone()),
            Some(Condition::Down(_))
        );
        match condition {
            Condition::Down(reason) if !was_down => tracing::warn!(check = self.name, reason, "not ready"),
            Condition::Up | Condition::Degraded(_) if was_down => tracing::info!(check = self.name, "ready"),
            _ => {}
        }
    }
}

#[derive(Debug, Default)]
struct State {
    has_started: bool,
    conditions: BTreeMap<String, Condition>,
}

#[derive(Clone, Debug)]
enum Condition {
    Up,
    Degraded(String),
    Down(String),
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
        assert!(health.register("nats").health.readiness().ready, "the existing check");
    }

    #[test]
    fn a_degraded_check_says_why_and_leaves_the_process_ready() {
        let health = Health::default();
        let check = health.register("push_tokens");
        check.degraded("one of two files");
        let readiness = health.readiness();
        assert!(readiness.ready);
        assert_eq!(readiness.checks[0].reason.as_deref(), Some("one of two files"));
        check.down("no file");
        assert!(!health.readiness().ready);
    }

    #[test]
    fn a_gauge_follows_each_check() {
        let registry = Registry::new();
        let exporter = opentelemetry_prometheus::exporter().with_registry(registry.clone()).build().unwrap();
        let provider = SdkMeterProvider::builder().with_reader(exporter).build();
        let health = Health::default();
        health.observe(&provider.meter("orgwatch"));
        let values = || {
            let text = TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
            ["nats", "postgres"].map(|check| {
                let series = format!("orgwatch_ready{{check=\"{check}\",otel_scope_name=\"orgwatch\"}} ");
                text.lines().find_map(|line| line.strip_prefix(&series)).map(str::to_owned)
            })
        };
        assert_eq!(values(), [None, None]);
        let (nats, postgres) = (health.register("nats"), health.register("postgres"));
        nats.up();
        assert_eq!(values(), [Some("1".to_owned()), Some("0".to_owned())]);
        nats.down("not connected");
        postgres.up();
        assert_eq!(values(), [Some("0".to_owned()), Some("1".to_owned())]);
    }
}
