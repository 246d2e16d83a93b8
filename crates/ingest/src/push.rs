//! The push source: a server, and the watermarks of silent orgs.

use crate::Sink;
use crate::http::{self, Push};
use crate::source::{Source, SourceError};
use futures::future::BoxFuture;
use model::Command;
use runtime::clock::now;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// Serves [`http::router`], and sends the watermarks of silent orgs.
pub struct PushSource {
    push: Arc<Push>,
    /// Taken by the first run.
    listener: Option<TcpListener>,
}

/// How often silent orgs are looked for.
const CHECK: Duration = Duration::from_secs(5);

impl PushSource {
    /// Makes a source that accepts connections on `listener`.
    pub fn new(push: Push, listener: TcpListener) -> Self {
        Self { push: Arc::new(push), listener: Some(listener) }
    }
}

impl Source for PushSource {
    fn name(&self) -> &'static str {
        "push"
    }

    /// Returns once the requests that were under way at `shutdown` are answered.
    fn run<'a>(&'a mut self, sink: &'a Sink, shutdown: CancellationToken) -> BoxFuture<'a, Result<(), SourceError>> {
        Box::pin(async move {
            let Some(listener) = self.listener.take() else { return Ok(()) };
            let server = async {
                http::serve(listener, Arc::clone(&self.push), shutdown.clone()).await;
                Ok(())
            };
            let clock = async {
                tokio::select! {
                    () = shutdown.cancelled() => Ok(()),
                    () = self.push.keyring().keep() => Ok(()),
                    ended = send_watermarks(&self.push, sink) => ended,
                }
            };
            tokio::try_join!(server, clock).map(drop)
        })
    }
}

async fn send_watermarks(push: &Push, sink: &Sink) -> Result<(), SourceError> {
    let mut ticks = tokio::time::interval(CHECK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let due = push.idle().due(now());
        for (org, watermark) in due {
            sink.command(&org, Command::Watermark(watermark)).await?.await?;
            tracing::debug!(org.id = %org, %watermark, "the org is silent, what is open is judged once more");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Memory, ORG, sink, spread};
    use crate::{Settings, Tokens};
    use model::{OrgId, Timestamp};
    use runtime::admin::Health;

    #[tokio::test]
    async fn the_watermark_of_a_silent_org_goes_to_all_its_partitions() {
        let memory = Arc::new(Memory::default());
        let settings: Settings = Settings::default();
        let push = Push::new(&settings, Tokens::load(&settings).unwrap(), sink(&memory), &Health::default());
        push.idle().watch(OrgId::new(ORG), Duration::from_secs(300), Timestamp(0));
        let mut source = PushSource::new(push, TcpListener::bind("127.0.0.1:0").await.unwrap());
        let (outlet, shutdown) = (sink(&memory), CancellationToken::new());
        let sent = async {
            while memory.sent().len() < 3 {
                tokio::task::yield_now().await;
            }
            shutdown.cancel();
        };
        let (ended, ()) = tokio::join!(source.run(&outlet, shutdown.clone()), sent);
        ended.unwrap();
        let partitions: Vec<u16> = memory.sent().iter().map(|(partition, _)| *partition).collect();
        assert_eq!(partitions, spread().of_org(&OrgId::new(ORG)));
        assert!(memory.texts().iter().all(|text| text.starts_with(&format!("{ORG} to "))), "{:?}", memory.texts());
    }
}
