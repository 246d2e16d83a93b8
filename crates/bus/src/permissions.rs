//! The subjects that each service may publish and subscribe to, also as configuration of nats-server.

use crate::connect::inbox;
use crate::{Stream, subject, topology};
use std::fmt::Write;

/// The services, each with its own NATS user. A service must connect with the name of [`Service::name`], because its
/// permissions name the inbox of its replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Publishes activities.
    Ingest,
    /// Reads activities and publishes observations, and findings about events that it sets aside.
    Baseline,
    /// Reads observations and publishes findings.
    Detector,
    /// Reads findings, and publishes changes of incidents and the decisions of people that others have to learn of.
    Correlator,
    /// Reads changes of incidents.
    Notifier,
    /// Reads settings and how far consumers are, and reads and replays dead letters.
    Console,
    /// Sets up streams and reads, replays and drops dead letters.
    Operator,
}

/// Subjects that a user may publish and subscribe to; everything else is denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permissions {
    /// May be published to; `*` and `>` are NATS's wildcards.
    pub publish: Vec<String>,
    /// May be subscribed to.
    pub subscribe: Vec<String>,
}

impl Service {
    /// Every service.
    pub const ALL: [Self; 7] =
        [Self::Ingest, Self::Baseline, Self::Detector, Self::Correlator, Self::Notifier, Self::Console, Self::Operator];

    /// Returns the name that the service connects with.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Baseline => "baseline",
            Self::Detector => "detector",
            Self::Correlator => "correlator",
            Self::Notifier => "notifier",
            Self::Console => "console",
            Self::Operator => "operator",
        }
    }

    /// Returns what the service needs, and no more.
    pub fn permissions(self, prefix: &str) -> Permissions {
        let mut publish = match self {
            // Ingest raises the findings of sources that are blind.
            Self::Ingest => vec![
                Stream::Activity.subjects(prefix),
                Stream::Finding.subjects(prefix),
                subject::dead(prefix, "ingest"),
            ],
            Self::Baseline => {
                let mut publish = reads(prefix, Stream::Activity, "*");
                publish.push(format!("$JS.API.CONSUMER.RESET.{}.*", Stream::Activity.name(prefix)));
                publish.push(format!("$JS.API.STREAM.INFO.{}", Stream::Activity.name(prefix)));
                // It raises a finding when it has to set many events aside.
                publish.extend([
                    Stream::Observation.subjects(prefix),
                    Stream::Finding.subjects(prefix),
                    subject::dead(prefix, "baseline"),
                ]);
                publish
            }
            Self::Detector => {
                let mut publish = reads(prefix, Stream::Observation, "*");
                publish.extend([Stream::Finding.subjects(prefix), Stream::Dead.subjects(prefix)]);
                publish
            }
            Self::Correlator => {
                let mut publish = reads(prefix, Stream::Finding, "correlator");
                publish.extend([
                    Stream::Incident.subjects(prefix),
                    // Decisions are control records of the activity stream.
                    Stream::Activity.subjects(prefix),
                    subject::dead(prefix, "correlator"),
                ]);
                publish
            }
            Self::Notifier => {
                let mut publish = reads(prefix, Stream::Incident, "notifier");
                publish.push(subject::dead(prefix, "notifier"));
                publish
            }
            Self::Console => {
                let dead = Stream::Dead.name(prefix);
                let mut publish =
                    ["GET", "DELETE"].map(|action| format!("$JS.API.STREAM.MSG.{action}.{dead}")).to_vec();
                // A letter is replayed to the subject that it was published to.
                let replayed = [Stream::Activity, Stream::Observation, Stream::Finding, Stream::Incident];
                publish.extend(replayed.map(|stream| stream.subjects(prefix)));
                // How many messages wait for each stage. The names of detector groups are the server's to list.
                publish.push(format!("$JS.API.CONSUMER.NAMES.{}", Stream::Observation.name(prefix)));
                let states = [
                    (Stream::Activity, "*"),
                    (Stream::Observation, "*"),
                    (Stream::Finding, "correlator"),
                    (Stream::Incident, "notifier"),
                ];
                publish.extend(
                    states
                        .map(|(stream, consumer)| format!("$JS.API.CONSUMER.INFO.{}.{consumer}", stream.name(prefix))),
                );
                publish
            }
            Self::Operator => {
                let bucket = topology::bucket(prefix);
                vec![
                    format!("{prefix}.v1.>"),
                    format!("$KV.{bucket}.>"),
                    "$JS.API.>".to_owned(),
                    "$JS.ACK.>".to_owned(),
                ]
            }
        };
        if self != Self::Operator {
            publish.extend(reads_settings(prefix));
        }
        Permissions { publish, subscribe: vec![format!("{}.>", inbox(self.name()))] }
    }
}

/// Returns the `authorization` block of a nats-server for users, each with the public key (`U…`) of its nkey.
pub fn render<'a>(users: impl IntoIterator<Item = (&'a str, &'a Permissions)>) -> String {
    let mut text = String::from("authorization {\n  users = [\n");
    for (nkey, permissions) in users {
        let (publish, subscribe) = (list(&permissions.publish), list(&permissions.subscribe));
        // Writing to a String cannot fail.
        write!(
            text,
            "    {{\n      nkey: {}\n      permissions {{\n        publish {{ allow: {publish} }}\n        \
             subscribe {{ allow: {subscribe} }}\n      }}\n    }}\n",
            quoted(nkey)
        )
        .unwrap_or_default();
    }
    text.push_str("  ]\n}\n");
    text
}

/// Returns the subjects for reading through an existing durable consumer.
fn reads(prefix: &str, stream: Stream, consumer: &str) -> Vec<String> {
    let stream = stream.name(prefix);
    vec![
        format!("$JS.API.CONSUMER.INFO.{stream}.{consumer}"),
        format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"),
        // The server has two forms of this subject, with the stream in different tokens.
        "$JS.ACK.>".to_owned(),
    ]
}

/// Returns the subjects for opening and watching the settings bucket.
fn reads_settings(prefix: &str) -> Vec<String> {
    let stream = format!("KV_{}", topology::bucket(prefix));
    vec![
        format!("$JS.API.STREAM.INFO.{stream}"),
        format!("$JS.API.STREAM.MSG.GET.{stream}"),
        format!("$JS.API.DIRECT.GET.{stream}.>"),
        // The consumer of a watch has no name.
        format!("$JS.API.CONSUMER.CREATE.{stream}"),
        format!("$JS.API.CONSUMER.CREATE.{stream}.>"),
        format!("$JS.API.CONSUMER.INFO.{stream}.*"),
        format!("$JS.API.CONSUMER.DELETE.{stream}.*"),
        format!("$JS.FC.{stream}.>"),
    ]
}

fn list(subjects: &[String]) -> String {
    let lines = subjects.iter().map(|subject| format!("          {}\n", quoted(subject)));
    format!("[\n{}        ]", lines.collect::<String>())
}

/// Returns the text in quotes. Outside of them the server would expand `$` as a variable.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration() {
        let users = Service::ALL.map(|service| (service.name(), service.permissions("orgwatch")));
        insta::assert_snapshot!(render(users.iter().map(|(name, permissions)| (*name, permissions))));
    }
}
