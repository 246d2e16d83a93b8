//! HTTP: one request, and what its answer says besides.

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
    heard: Mutex<Heard>,
}

/// What every answer says, whatever it answers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Heard {
    pub(crate) usage: Option<Usage>,
    /// The clock of the org, in whole seconds.
    pub(crate) server_time: Option<Timestamp>,
}

impl Http {
    pub(crate) fn new(settings: &Settings) -> std::result::Result<Self, SettingsError> {
        // Does nothing where the process has one already, which is then the same.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = reqwest::Client::builder()
            // Of the answer's beginning, and of each part of its body.
            .read_timeout(Duration::from_secs(settings.timeout_seconds.into()))
            // The token is for whom it was minted, and not for whom that one points to.
            .redirect(redirect::Policy::none())
            .referer(false)
            .user_agent(concat!("orgwatch/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| SettingsError::Value { key: "login_url", problem: format!("no http client: {error}") })?;
        Ok(Self { client, timeout_seconds: settings.timeout_seconds, heard: Mutex::default() })
    }

    pub(crate) fn get(&self, url: Url, token: &SecretString) -> RequestBuilder {
        self.client.get(url).bearer_auth(token.expose_secret())
    }

    pub(crate) fn post(&self, url: &str) -> RequestBuilder {
        self.client.post(url)
    }

    /// The beginning of the answer.
    ///
    /// # Errors
    /// Also if the answer is none of success.
    pub(crate) async fn send(&self, call: &'static str, request: RequestBuilder) -> Result<Response> {
        let answer = request.send().await.map_err(|error| failure(call, self.timeout_seconds, error))?;
        self.hear(answer.headers());
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        // Whatever happens to the rest, the status is known.
        let body = answer.bytes().await.unwrap_or_default();
        Err(Error::refusal(call, status, &body))
    }

    /// The whole answer.
    pub(crate) async fn text(&self, call: &'static str, request: RequestBuilder) -> Result<Bytes> {
        let answer = self.send(call, request).await?;
        answer.bytes().await.map_err(|error| failure(call, self.timeout_seconds, error))
    }

    /// The answer as it comes.
    pub(crate) async fn stream(
        &self,
        call: &'static str,
        request: RequestBuilder,
    ) -> Result<BoxStream<'static, Result<Bytes>>> {
        let answer = self.send(call, request).await?;
        let seconds = self.timeout_seconds;
        Ok(answer.bytes_stream().map(move |part| part.map_err(|error| failure(call, seconds, error))).boxed())
    }

    /// An answer as `T`. What is wrong with it is told without quoting it: it holds names, and once a token.
    pub(crate) fn json<T: DeserializeOwned>(call: &'static str, body: &[u8]) -> Result<T> {
        serde_json::from_slice(body).map_err(|error| {
            let kind = match error.classify() {
                Category::Eof => "JSON that breaks off",
                Category::Data => "JSON of another shape",
                Category::Syntax | Category::Io => "no JSON",
            };
            let problem = format!("{kind}, line {} column {}", error.line(), error.column());
            Error::Unexpected { call, problem }
        })
    }

    pub(crate) fn heard(&self) -> Heard {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hear(&self, headers: &HeaderMap) {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let usage = text("sforce-limit-info").and_then(usage);
        let server_time = text(DATE.as_str()).and_then(server_time);
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.usage = usage.or(heard.usage);
        heard.server_time = server_time.or(heard.server_time);
    }
}

fn failure(call: &'static str, seconds: u32, error: reqwest::Error) -> Error {
    if error.is_timeout() {
        return Error::Silent { call, seconds };
    }
    // The query is in the URL.
    Error::Transport { call, source: Arc::new(error.without_url()) }
}

/// Reads `api-usage=10018/100000; per-app-api-usage=17/250(appName=x)`, of which the first counts.
fn usage(header: &str) -> Option<Usage> {
    let of_org = header.split([';', ',']).find_map(|part| part.trim().strip_prefix("api-usage="))?;
    let (used, max) = of_org.split_once('/')?;
    Some(Usage { used: used.parse().ok()?, max: max.parse().ok()? })
}

/// Reads `Mon, 02 Mar 2026 14:31:52 GMT`.
fn server_time(header: &str) -> Option<Timestamp> {
    Some(Timestamp(DateTime::parse_from_rfc2822(header).ok()?.timestamp_millis()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_the_day_are_those_of_the_org() {
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
    fn the_clock_is_a_date_of_http() {
        let check = |header: &str, expect: Option<&str>| {
            assert_eq!(server_time(header), expect.and_then(Timestamp::parse), "{header}");
        };
        check("Mon, 02 Mar 2026 14:31:52 GMT", Some("2026-03-02T14:31:52Z"));
        check("Sun, 06 Nov 1994 08:49:37 GMT", Some("1994-11-06T08:49:37Z"));
        check("yesterday", None);
    }

    #[test]
    fn what_is_wrong_with_an_answer_is_told_without_quoting_it() {
        let check = |body: &str, expect: &str| {
            let error = Http::json::<Vec<u64>>("query", body.as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), format!("query: the answer is not as expected: {expect}"));
        };
        check("[\"a@b.example\"]", "JSON of another shape, line 1 column 14");
        check("[1,", "JSON that breaks off, line 1 column 3");
        check("<html>", "no JSON, line 1 column 1");
    }

    #[test]
    fn an_answer_that_says_nothing_changes_nothing() {
        let http = Http::new(&Settings::default()).unwrap();
        assert_eq!(http.heard(), Heard::default());
        let mut headers = HeaderMap::new();
        headers.insert("Sforce-Limit-Info", "api-usage=1/2".parse().unwrap());
        headers.insert(DATE, "Mon, 02 Mar 2026 14:31:52 GMT".parse().unwrap());
        http.hear(&headers);
        let heard = http.heard();
        assert_eq!(heard.usage, Some(Usage { used: 1, max: 2 }));
        assert!(heard.server_time.is_some());
        http.hear(&HeaderMap::new());
        assert_eq!(http.heard(), heard);
    }
}
