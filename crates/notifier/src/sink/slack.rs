//! Incoming webhooks of Slack.

use crate::message::{Digest, Message};
use crate::sink::http::Endpoint;
use crate::sink::{SendError, Sink};

/// An incoming webhook of Slack.
#[derive(Debug)]
pub(crate) struct Slack {
    endpoint: Endpoint,
    /// Before the text of what is urgent.
    mention: Option<String>,
}

impl Slack {
    pub(crate) fn new(endpoint: Endpoint, mention: Option<String>) -> Self {
        Self { endpoint, mention }
    }
}

impl Sink for Slack {
    async fn send(&self, message: &Message) -> Result<(), SendError> {
        let body = serde_json::to_vec(&crate::slack::payload(message, self.mention.as_deref()))?;
        // Slack has no idempotency key: a message that it accepted without confirming appears twice.
        self.endpoint.post("application/json; charset=utf-8", &[], body).await
    }

    fn named(&self, digest: &Digest) -> usize {
        crate::slack::named(digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;
    use crate::testing::{Server, change, message};
    use model::ChangeKind;
    use std::time::Duration;

    #[tokio::test]
    async fn blocks_are_posted() {
        runtime::run::install_tls();
        let server = Server::start("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        let url = format!("http://{}/services/T0/B0/hidden", server.address);
        let slack = Slack::new(Endpoint::new(Secret::Given(url.into()), Duration::from_secs(10)).unwrap(), None);
        assert!(!format!("{slack:?}").contains("hidden"));
        let message = message(change(1, ChangeKind::Opened, 90.0));
        assert_eq!(slack.send(&message).await, Ok(()));
        let request = server.request().await;
        assert_eq!(request.header("content-type"), "application/json; charset=utf-8");
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(body, crate::slack::payload(&message, None));
    }
}
