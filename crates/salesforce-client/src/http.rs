//! HTTP requests, and the information in the headers of their answers.

use crate::{Error, Result, Settings, SettingsError, Usage};
use bytes::Bytes;
use chrono::DateTime;
use futures::StreamExt;
use futures::stream::BoxStream;
use model::Timestamp;
use reqwest::header::{DATE, HeaderMap};
use reqwest::{RequestBuilder, Response, Url, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub(crate) struct Http {
    client: reqwest::Client,
    timeout_seconds: u32,
    latest: Mutex<HeaderInfo>,
}

/// The information that any answer may carry in its headers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct HeaderInfo {
    /// `Sforce-Limit-Info`.
    pub(crate) usage: Option<Usage>,
    /// `Date`: the org's time, in whole seconds.
    pub(crate) server_time: Option<Timestamp>,
}

impl Http {
    pub(crate) fn new(settings: &Settings) -> std::result::Result<Self, SettingsError> {
        // Fails if the process has installed a provider already, which is then the same one.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = reqwest::Client::builder()
            // Applies to the start of the answer and to each part of its body.
            .read_timeout(Duration::from_secs(settings.timeout_seconds.into()))
            // A redirect could lead to another host, which must not see the token.
            .redirect(redirect::Policy::none())
            .referer(false)
            .user_agent(concat!("orgwatch/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| SettingsError::Value { key: "login_url", problem: format!("no http client: {error}") })?;
        Ok(Self { client, timeout_seconds: settings.timeout_seconds, latest: Mutex::default() })
    }

    /// Prepares a GET with the token.
    pub(crate) fn get(&self, url: Url, token: &SecretString) -> RequestBuilder {
        self.client.get(url).bearer_auth(token.expose_secret())
    }

    /// Prepares a POST without a token.
    pub(crate) fn post(&self, url: &str) -> RequestBuilder {
        self.client.post(url)
    }

    /// Sends a request, and returns the start of the answer, before its body.
    ///
    /// # Errors
    /// If the request fails, or the answer's status is not one of success.
    pub(crate) async fn send(&self, call: &'static str, request: RequestBuilder) -> Result<Response> {
        let answer = request.send().await.map_err(|error| failure(call, self.timeout_seconds, error))?;
        self.record(answer.headers());
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        // The status is known even if the body cannot be read.
        let body = answer.bytes().await.unwrap_or_default();
        Err(Error::refusal(call, status, &body))
    }

    /// Sends a request, and returns the whole body.
    pub(crate) async fn text(&self, call: &'static str, request: RequestBuilder) -> Result<Bytes> {
        let answer = self.send(call, request).await?;
        answer.bytes().await.map_err(|error| failure(call, self.timeout_seconds, error))
    }

    /// Sends a request, and streams the body.
    pub(crate) async fn stream(
        &self,
        call: &'static str,
        request: RequestBuilder,
    ) -> Result<BoxStream<'static, Result<Bytes>>> {
        let answer = self.send(call, request).await?;
        let seconds = self.timeout_seconds;
        Ok(answer.bytes_stream().map(move |part| part.map_err(|error| failure(call, seconds, error))).boxed())
    }

    /// Reads a body as `T`. The error quotes nothing of it: bodies hold names, and one holds a token.
    pub(crate) fn json<T: DeserializeOwned>(call: &'static str, body: &[u8]) -> Result<T> {
        serde_json::from_slice(body).map_err(|error| {
            let kind = match error.classify() {
                Category::Eof => "truncated JSON",
                Category::Data => "JSON of another shape",
                Category::Syntax | Category::Io => "not JSON",
            };
            let problem = format!("{kind}, line {} column {}", error.line(), error.column());
            Error::Unexpected { call, problem }
        })
    }

    /// Returns the latest information of each kind.
    pub(crate) fn latest(&self) -> HeaderInfo {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, headers: &HeaderMap) {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let usage = text("sforce-limit-info").and_then(usage);
        let server_time = text(DATE.as_str()).and_then(server_time);
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest.usage = usage.or(latest.usage);
        latest.server_time = server_time.or(latest.server_time);
    }
}

fn failure(call: &'static str, seconds: u32, error: reqwest::Error) -> Error {
    if error.is_timeout() {
        return Error::Silent { call, seconds };
    }
    // The URL contains the query, which must not be logged.
    Error::Transport { call, source: Arc::new(error.without_url()) }
}

/// Reads the org's usage in `api-usage=10018/100000; per-app-api-usage=17/250(appName=x)`.
fn usage(header: &str) -> Option<Usage> {
    let of_org = header.split([';', ',']).find_map(|part| part.trim().strip_prefix("api-usage="))?;
    let (used, max) = of_org.split_once('/')?;
    Some(Usage { used: used.parse().ok()?, max: max.parse().ok()? })
}

/// Reads a date of HTTP, such as `Mon, 02 Mar 2026 14:31:52 GMT`.
fn server_time(header: &str) -> Option<Timestamp> {
    Some(Timestamp(DateTime::parse_from_rfc2822(header).ok()?.timestamp_millis()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_the_orgs_not_the_apps() {
        let check = |header: &str, expect: Option<(u64, u64)>| {
            assert_eq!(usage(header), expect.map(|(used, max)| Usage { used, max }), "{header}");
        };
        check("api-usage=10018/100000", Some((10_018, 100_000)));
        check("api-usage=18/5000; per-app-api-usage=17/250(appName=sample)", Some((18, 5_000)));
        check("per-app-api-usage=17/250(appName=sample),api-usage=18/5000", Some((18, 5_000)));
        check("per-app-api-usage=17/250(appName=sample)", None);
        check("api-usage=many/5000", None);
        check("api-usage=18", None);
        check("", None);
    }

    #[test]
    fn server_time_is_read_from_http_dates() {
        let check = |header: &str, expect: Option<&str>| {
            assert_eq!(server_time(header), expect.and_then(Timestamp::parse), "{header}");
        };
        check("Mon, 02 Mar 2026 14:31:52 GMT", Some("2026-03-02T14:31:52Z"));
        check("Sun, 06 Nov 1994 08:49:37 GMT", Some("1994-11-06T08:49:37Z"));
        check("yesterday", None);
    }

    #[test]
    fn errors_of_a_body_do_not_quote_it() {
        let check = |body: &str, expect: &str| {
            let error = Http::json::<Vec<u64>>("query", body.as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), format!("query: the answer is not as expected: {expect}"));
        };
        check("[\"a@b.example\"]", "JSON of another shape, line 1 column 14");
        check("[1,", "truncated JSON, line 1 column 3");
        check("<html>", "not JSON, line 1 column 1");
    }

    #[test]
    fn an_answer_without_the_headers_keeps_the_latest_information() {
        let http = Http::new(&Settings::default()).unwrap();
        assert_eq!(http.latest(), HeaderInfo::default());
        let mut headers = HeaderMap::new();
        headers.insert("Sforce-Limit-Info", "api-usage=1/2".parse().unwrap());
        headers.insert(DATE, "Mon, 02 Mar 2026 14:31:52 GMT".parse().unwrap());
        http.record(&headers);
        let latest = http.latest();
        assert_eq!(latest.usage, Some(Usage { used: 1, max: 2 }));
        assert!(latest.server_time.is_some());
        http.record(&HeaderMap::new());
        assert_eq!(http.latest(), latest);
    }
}
