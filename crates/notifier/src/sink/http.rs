//! HTTP requests, and the meaning of their responses.

use crate::secret::Secret;
use crate::sink::SendError;
use chrono::{DateTime, Utc};
use model::Timestamp;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, StatusCode, redirect};
use runtime::clock::now;
use runtime::error::chain;
use secrecy::ExposeSecret;
use std::time::Duration;

/// A URL with its HTTP client. The URL is never shown.
#[derive(Debug)]
pub(crate) struct Endpoint {
    client: Client,
    url: Secret,
}

impl Endpoint {
    /// Creates the client; `timeout` is that of a whole request. Install a TLS provider before.
    pub(crate) fn new(url: Secret, timeout: Duration) -> Result<Self, reqwest::Error> {
        let client = Client::builder()
            .timeout(timeout)
            // A redirect may lead to a host that the operator has not chosen.
            .redirect(redirect::Policy::none())
            .referer(false)
            .user_agent(concat!("orgwatch/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(reqwest::Error::without_url)?;
        Ok(Self { client, url })
    }

    /// Sends a POST request, with the `traceparent` of the current span if there is one.
    pub(crate) async fn post(
        &self,
        content_type: &'static str,
        headers: &[(&'static str, &str)],
        body: Vec<u8>,
    ) -> Result<(), SendError> {
        let mut map = HeaderMap::new();
        map.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        let traceparent = bus::trace::current();
        let traced = [("traceparent", traceparent.as_str())];
        for (name, value) in headers.iter().chain(traced.iter().filter(|(_, value)| !value.is_empty())) {
            let value = HeaderValue::from_str(value)
                .map_err(|_| SendError::Refused(format!("header {name}: invalid value")))?;
            map.insert(HeaderName::from_static(name), value);
        }
        let url = self.url.read().await.map_err(|error| SendError::retry(format!("url_file: {error}")))?;
        let request = self.client.post(url.expose_secret()).headers(map).body(body);
        match request.send().await {
            Ok(response) => {
                let after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
                outcome(response.status(), after, now())
            }
            Err(error) => Err(SendError::retry(chain(&error.without_url()))),
        }
    }
}

/// Returns the outcome of a request by the status of the response.
fn outcome(status: StatusCode, retry_after: Option<&str>, now: Timestamp) -> Result<(), SendError> {
    let reason = || format!("answered {status}");
    match status {
        _ if status.is_success() => Ok(()),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            Err(SendError::Retry { after: retry_after.and_then(|text| delay(text, now)), reason: reason() })
        }
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY => Err(SendError::retry(reason())),
        _ if status.is_server_error() => Err(SendError::retry(reason())),
        _ if status.is_redirection() => Err(SendError::Refused(format!("{}, redirects are not followed", reason()))),
        _ => Err(SendError::Refused(reason())),
    }
}

/// Reads `Retry-After` in either form of RFC 9110, section 10.2.3: seconds, or a date.
fn delay(retry_after: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = retry_after.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until: DateTime<Utc> = DateTime::parse_from_rfc2822(retry_after.trim()).ok()?.into();
    let wait = Timestamp(until.timestamp_millis()).since(now);
    Some(Duration::from_millis(u64::try_from(wait).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_decides_the_outcome() {
        let check = |status: u16, expect: &str| {
            let outcome = match outcome(StatusCode::from_u16(status).unwrap(), Some("7"), Timestamp(0)) {
                Ok(()) => "accepted",
                Err(SendError::Retry { after: Some(after), .. }) if after.as_secs() == 7 => "asked",
                Err(SendError::Retry { .. }) => "retry",
                Err(SendError::Refused(_)) => "refused",
            };
            assert_eq!(outcome, expect, "{status}");
        };
        for status in [200, 202, 204] {
            check(status, "accepted");
        }
        for status in [429, 503] {
            check(status, "asked");
        }
        for status in [408, 425, 500, 502, 504] {
            check(status, "retry");
        }
        for status in [301, 302, 307, 400, 401, 403, 404, 410, 413] {
            check(status, "refused");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = Timestamp::parse("2026-03-02T14:00:00Z").unwrap();
        let check = |text, expect: Option<u64>| assert_eq!(delay(text, now), expect.map(Duration::from_secs), "{text}");
        check("120", Some(120));
        check("Mon, 02 Mar 2026 14:00:30 GMT", Some(30));
        check("Mon, 02 Mar 2026 13:00:00 GMT", Some(0));
        check("soon", None);
        check("-1", None);
    }
}
