//! CloudEvents over HTTP, signed as Standard Webhooks specifies.

use crate::cloudevent;
use crate::message::Message;
use crate::secret::Secret;
use crate::signature::Key;
use crate::sink::http::Endpoint;
use crate::sink::{SendError, Sink};
use model::time::SECOND;
use runtime::clock::now;
use secrecy::ExposeSecret;

/// A webhook, with its key if messages are signed.
#[derive(Debug)]
pub(crate) struct Webhook {
    endpoint: Endpoint,
    key: Option<Secret>,
}

impl Webhook {
    pub(crate) fn new(endpoint: Endpoint, key: Option<Secret>) -> Self {
        Self { endpoint, key }
    }

    async fn key(&self) -> Result<Option<Key>, SendError> {
        let Some(key) = &self.key else { return Ok(None) };
        let text = key.read().await.map_err(|error| SendError::retry(format!("secret_file: {error}")))?;
        let key =
            Key::parse(text.expose_secret()).map_err(|error| SendError::retry(format!("secret_file: {error}")))?;
        Ok(Some(key))
    }
}

impl Sink for Webhook {
    async fn send(&self, message: &Message) -> Result<(), SendError> {
        let body = cloudevent::encode(message)?;
        // The time of this attempt: receivers refuse old timestamps.
        let seconds = now().0.div_euclid(SECOND);
        let timestamp = seconds.to_string();
        let signature = self.key().await?.map(|key| key.sign(&message.id, seconds, &body));
        let mut headers = vec![
            ("webhook-id", message.id.as_str()),
            ("webhook-timestamp", timestamp.as_str()),
            ("idempotency-key", message.id.as_str()),
        ];
        headers.extend(signature.as_deref().map(|signature| ("webhook-signature", signature)));
        self.endpoint.post(cloudevent::CONTENT_TYPE, &headers, body).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FRAME, NOW, Server, TRACEPARENT, change};
    use model::ChangeKind;
    use std::net::{SocketAddr, TcpListener};
    use std::time::Duration;

    const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    async fn send(address: SocketAddr, timeout: Duration) -> Result<(), SendError> {
        runtime::run::install_tls();
        let url = format!("http://{address}/hooks/hidden-token");
        let endpoint = Endpoint::new(Secret::Given(url.into()), timeout).unwrap();
        let webhook = Webhook::new(endpoint, Some(Secret::Given(KEY.into())));
        assert!(!format!("{webhook:?}").contains("hidden"));
        let message = Message::of_change(change(3, ChangeKind::Opened, 90.0), TRACEPARENT.into(), &FRAME, NOW);
        webhook.send(&message).await
    }

    const LONG: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn messages_have_a_signature_and_an_id() {
        let server = Server::start("HTTP/1.1 204 No Content\r\n\r\n").await;
        assert_eq!(send(server.address, LONG).await, Ok(()));
        let request = server.request().await;
        assert!(request.head.starts_with("POST /hooks/hidden-token HTTP/1.1"), "{}", request.head);
        let id = "00000000-0000-0000-0000-000000000001/3";
        assert_eq!(request.header("webhook-id"), id);
        assert_eq!(request.header("idempotency-key"), id);
        assert_eq!(request.header("content-type"), "application/cloudevents+json; charset=utf-8");
        let timestamp: i64 = request.header("webhook-timestamp").parse().unwrap();
        assert!((now().0 / SECOND - timestamp).abs() < 60);
        let expect = Key::parse(KEY).unwrap().sign(id, timestamp, &request.body);
        assert_eq!(request.header("webhook-signature"), expect);
        let event: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!((&event["id"], &event["traceparent"]), (&id.into(), &TRACEPARENT.into()));
    }

    #[tokio::test]
    async fn changed_files_change_url_and_key() {
        runtime::run::install_tls();
        let folder = tempfile::tempdir().unwrap();
        let (url, key) = (folder.path().join("url"), folder.path().join("key"));
        let endpoint = Endpoint::new(Secret::File(url.clone()), LONG).unwrap();
        let webhook = Webhook::new(endpoint, Some(Secret::File(key.clone())));
        let message = Message::of_change(change(3, ChangeKind::Opened, 90.0), TRACEPARENT.into(), &FRAME, NOW);
        let other = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
        for text in [KEY, other] {
            let server = Server::start("HTTP/1.1 204 No Content\r\n\r\n").await;
            std::fs::write(&url, format!("http://{}/hooks\n", server.address)).unwrap();
            std::fs::write(&key, text).unwrap();
            assert_eq!(webhook.send(&message).await, Ok(()));
            let request = server.request().await;
            let timestamp = request.header("webhook-timestamp").parse().unwrap();
            let expect = Key::parse(text).unwrap().sign(request.header("webhook-id"), timestamp, &request.body);
            assert_eq!(request.header("webhook-signature"), expect);
        }
        // An invalid file is retried: it may be replaced meanwhile.
        for (file, text) in [(&key, "no key: hidden"), (&url, "no url: hidden")] {
            let before = std::fs::read_to_string(file).unwrap();
            std::fs::write(file, text).unwrap();
            let error = webhook.send(&message).await.unwrap_err();
            assert!(matches!(error, SendError::Retry { .. }) && !format!("{error:?}").contains("hidden"), "{error:?}");
            std::fs::remove_file(file).unwrap();
            assert!(matches!(webhook.send(&message).await, Err(SendError::Retry { .. })));
            std::fs::write(file, before).unwrap();
        }
    }

    #[tokio::test]
    async fn a_receiver_may_ask_to_wait() {
        let server =
            Server::start("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 17\r\nContent-Length: 0\r\n\r\n").await;
        let expect = SendError::Retry {
            after: Some(Duration::from_secs(17)),
            reason: "answered 429 Too Many Requests".to_owned(),
        };
        assert_eq!(send(server.address, LONG).await, Err(expect));
    }

    #[tokio::test]
    async fn a_failing_receiver_is_tried_again() {
        let server = Server::start("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n").await;
        assert_eq!(send(server.address, LONG).await, Err(SendError::retry("answered 500 Internal Server Error")));
    }

    #[tokio::test]
    async fn a_redirect_is_refused() {
        let elsewhere = Server::start("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        let redirect = format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: http://{}/\r\n\r\n", elsewhere.address);
        let server = Server::start(&redirect).await;
        let expect = "answered 307 Temporary Redirect, redirects are not followed";
        assert_eq!(send(server.address, LONG).await, Err(SendError::Refused(expect.to_owned())));
        assert_eq!(elsewhere.requests(), 0);
    }

    #[tokio::test]
    async fn errors_do_not_show_the_url() {
        let silent = Server::start("").await;
        let timeout = send(silent.address, Duration::from_millis(100)).await.unwrap_err();
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let refused = send(closed, LONG).await.unwrap_err();
        for error in [timeout, refused] {
            let shown = format!("{error} {error:?}");
            assert!(matches!(error, SendError::Retry { after: None, .. }), "{shown}");
            assert!(!shown.contains("hidden") && !shown.contains("127.0.0.1"), "{shown}");
        }
    }
}
