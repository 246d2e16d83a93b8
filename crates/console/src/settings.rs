//! Section `[console]` of the configuration.

use crate::SignInSettings;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use store::Role;

/// Section `[console]` of the configuration.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Address of the server.
    pub listen: SocketAddr,
    /// Minutes without a request after which the session of a person ends, 1 to 1,440.
    pub idle_minutes: u32,
    /// Hours after which the session of a person ends in any case, 1 to 168.
    pub session_hours: u32,
    /// The most requests of one session in a minute, 1 to 100,000. Bursts up to as many are served at once.
    pub requests_per_minute: u32,
    /// The least role that sees the names of accounts; those below see pseudonyms.
    pub names_from: Role,
    /// Milliseconds between two looks for new changes of an event stream, 100 to 60,000.
    pub stream_ms: u64,
    /// How many milliseconds the answer to a decision waits until the correlator has applied it, 0 to 30,000.
    pub apply_wait_ms: u64,
    /// Where pages lead outside of the console.
    pub links: Links,
    /// The OpenID provider by which persons sign in; without it there are tokens alone.
    pub sign_in: Option<SignInSettings>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([0, 0, 0, 0], 8090)),
            idle_minutes: 60,
            session_hours: 12,
            requests_per_minute: 1_200,
            names_from: Role::Analyst,
            stream_ms: 1_000,
            apply_wait_ms: 5_000,
            links: Links::default(),
            sign_in: None,
        }
    }
}

/// The place of a trace's id in [`Links::trace`].
const TRACE_ID: &str = "{trace_id}";

/// Section `[console.links]`: where pages lead outside of the console. What is left out is no link.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Links {
    /// URL of a trace, with `{trace_id}` in the place of its id.
    pub trace: Option<String>,
    /// URL of a dashboard with the metrics of orgwatch.
    pub dashboard: Option<String>,
    /// URL of the alerts in force.
    pub alerts: Option<String>,
}

impl Links {
    /// Returns the URL of a trace by its id; `None` if there is no template, or the id has other than hexadecimal digits.
    pub fn of_trace(&self, trace_id: &str) -> Option<String> {
        let is_id = !trace_id.is_empty() && trace_id.bytes().all(|byte| byte.is_ascii_hexdigit());
        self.trace.as_ref().filter(|_| is_id).map(|template| template.replace(TRACE_ID, trace_id))
    }

    fn check(&self) -> Vec<String> {
        let mut errors = Vec::new();
        for (key, url) in [("trace", &self.trace), ("dashboard", &self.dashboard), ("alerts", &self.alerts)] {
            // With an id in place of the template's, it has to be a URL of the web.
            let of_web = |url: &String| {
                let url = reqwest::Url::parse(&url.replace(TRACE_ID, "0"));
                url.is_ok_and(|url| ["http", "https"].contains(&url.scheme()))
            };
            match url {
                Some(url) if !of_web(url) => {
                    errors.push(format!(
                        "console.links.{key}: must be a URL that begins with https:// or http://, is {url:?}"
                    ));
                }
                Some(url) if key == "trace" && !url.contains(TRACE_ID) => {
                    errors.push(format!(
                        "console.links.trace: must have {TRACE_ID} in the place of the trace's id, is {url:?}"
                    ));
                }
                _ => {}
            }
        }
        errors
    }
}

impl Settings {
    /// Returns the errors in the values, each with its key.
    pub fn check(&self) -> Vec<String> {
        let mut errors = Vec::new();
        let mut range = |key: &str, value: u64, low: u64, high: u64| {
            if !(low..=high).contains(&value) {
                errors.push(format!("console.{key}: must be from {low} to {high}, is {value}"));
            }
        };
        range("idle_minutes", self.idle_minutes.into(), 1, 1_440);
        range("session_hours", self.session_hours.into(), 1, 168);
        range("requests_per_minute", self.requests_per_minute.into(), 1, 100_000);
        range("stream_ms", self.stream_ms, 100, 60_000);
        range("apply_wait_ms", self.apply_wait_ms, 0, 30_000);
        errors.extend(self.links.check());
        errors.extend(self.sign_in.iter().flat_map(SignInSettings::check));
        errors
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_out_of_range_are_named() {
        assert_eq!(Settings::default().check(), Vec::<String>::new());
        let wrong = Settings { idle_minutes: 0, stream_ms: 99, ..Settings::default() };
        assert_eq!(
            wrong.check(),
            [
                "console.idle_minutes: must be from 1 to 1440, is 0",
                "console.stream_ms: must be from 100 to 60000, is 99"
            ]
        );
    }

    #[test]
    fn links_lead_to_the_web() {
        let links = |trace: &str, dashboard: &str| Links {
            trace: Some(trace.into()),
            dashboard: Some(dashboard.into()),
            alerts: None,
        };
        let good = links("https://tempo.example.com/trace/{trace_id}?from=now-30d", "http://grafana:3000/d/orgwatch");
        assert_eq!(good.check(), Vec::<String>::new());
        let of = |id| good.of_trace(id);
        assert_eq!(of("4bf92f35").unwrap(), "https://tempo.example.com/trace/4bf92f35?from=now-30d");
        assert_eq!((of("4bf/../x"), of(""), Links::default().of_trace("4b")), (None, None, None));
        let wrong =
            Settings { links: links("https://tempo.example.com/trace", "javascript:alert(1)"), ..Settings::default() };
        assert_eq!(
            wrong.check(),
            [
                "console.links.trace: must have {trace_id} in the place of the trace's id, is \"https://tempo.example.com/trace\"",
                "console.links.dashboard: must be a URL that begins with https:// or http://, is \"javascript:alert(1)\""
            ]
        );
        assert_eq!(links("/trace/{trace_id}", "https://a.example").check().len(), 1);
        let alerts = |url: &str| Links { alerts: Some(url.into()), ..Links::default() }.check();
        assert_eq!(alerts("http://alertmanager:9093/#/alerts"), Vec::<String>::new());
        assert_eq!(alerts("/alerts").len(), 1);
    }
}
