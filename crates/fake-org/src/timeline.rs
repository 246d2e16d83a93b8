//! The script's events in the order of publishing, indexed by topic.

use crate::avro::Schema;
use crate::objects::{self, Field, Kind, Object};
use crate::script::{Event, Record};
use crate::value;
use model::Timestamp;
use serde_json::{Map, Value};

/// A position on the timeline: the number of events before it.
pub(crate) type Offset = u32;

/// All events that happen in the org.
#[derive(Debug)]
pub(crate) struct Timeline {
    pub(crate) events: Vec<Entry>,
    pub(crate) topics: Vec<Topic>,
    /// The offsets of each topic's events, by topic.
    pub(crate) offsets: Vec<Vec<Offset>>,
    /// Each account by id, with the fields of its latest event.
    pub(crate) users: std::collections::BTreeMap<String, Account>,
}

/// An event on the timeline.
#[derive(Debug)]
pub(crate) struct Entry {
    /// When it happened.
    pub(crate) at: Timestamp,
    /// When it is published: `at`, or later if an event before it on the timeline is later.
    pub(crate) published: Timestamp,
    /// Its index in [`Timeline::topics`].
    pub(crate) topic: usize,
    pub(crate) record: Record,
}

/// A topic: one kind of event, or a custom channel of several. A channel has its own names and otherwise the fields of
/// its first member.
#[derive(Clone, Debug)]
pub(crate) struct Topic {
    /// Such as `/event/ListViewEventStream`.
    pub(crate) name: String,
    /// Such as `ListViewEventStream`.
    pub(crate) stream: String,
    /// The object that stores its events, such as `ListViewEvent`.
    pub(crate) stored: Object,
    /// The schema of its events.
    pub(crate) schema: Schema,
    /// The schema under [`crate::Fault::SchemaChanged`].
    pub(crate) changed: Schema,
}

/// An account, as its events describe it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Account {
    pub(crate) username: String,
    pub(crate) user_type: String,
    pub(crate) profile_id: String,
    pub(crate) role_id: String,
}

impl Topic {
    /// The two names by which a fault may be limited to it.
    pub(crate) fn names(&self) -> [&str; 2] {
        [&self.stream, &self.stored.name]
    }
}

impl Timeline {
    /// # Errors
    /// The name of an object that does not store events.
    pub(crate) fn new(events: Vec<Event>) -> Result<Self, String> {
        let mut objects = objects::events();
        let mut offsets = vec![Vec::new(); objects.len()];
        let mut users = std::collections::BTreeMap::<String, Account>::new();
        let mut entries = Vec::with_capacity(events.len());
        let mut published = Timestamp(i64::MIN);
        for (offset, event) in (0..).zip(events) {
            let topic = objects.iter().position(|object| object.stored.name == event.object);
            let Some((topic, object)) = topic.and_then(|topic| Some((topic, objects.get_mut(topic)?))) else {
                return Err(event.object);
            };
            let fields = event.record.fields();
            learn_fields(&mut object.stored, &fields);
            learn_user(&mut users, &fields);
            if let Some(list) = offsets.get_mut(topic) {
                list.push(offset);
            }
            published = published.max(event.at);
            entries.push(Entry { at: event.at, published, topic, record: event.record });
        }
        let topics: Vec<Topic> = objects
            .into_iter()
            .map(|object| Topic {
                name: format!("/event/{}", object.stream),
                schema: Schema::new(object.stream, &object.stored),
                changed: Schema::new(object.stream, &object.stored).changed(),
                stream: object.stream.to_owned(),
                stored: object.stored,
            })
            .collect();
        Ok(Self { events: entries, topics, offsets, users })
    }

    /// Adds a custom channel with these members, or with all topics if the list is empty.
    pub(crate) fn add_channel(&mut self, name: &str, members: &[String]) {
        let is_member = |topic: &&Topic| members.is_empty() || members.contains(&topic.stream);
        let Some(first) = self.topics.iter().find(is_member) else { return };
        let channel = Topic { name: format!("/event/{name}"), stream: name.to_owned(), ..first.clone() };
        let of_members = self.topics.iter().zip(&self.offsets).filter(|(topic, _)| is_member(topic));
        let mut offsets: Vec<Offset> = of_members.flat_map(|(_, offsets)| offsets.iter().copied()).collect();
        offsets.sort_unstable();
        self.topics.push(channel);
        self.offsets.push(offsets);
    }

    pub(crate) fn end(&self) -> Offset {
        Offset::try_from(self.events.len()).unwrap_or(Offset::MAX)
    }

    pub(crate) fn event(&self, offset: Offset) -> Option<&Entry> {
        self.events.get(offset as usize)
    }

    /// The offset after all events that were published up to `time`, inclusive.
    pub(crate) fn after(&self, time: Timestamp) -> Offset {
        Offset::try_from(self.events.partition_point(|event| event.published <= time)).unwrap_or(Offset::MAX)
    }

    /// The offset before all events that were published from `time` on.
    pub(crate) fn before(&self, time: Timestamp) -> Offset {
        Offset::try_from(self.events.partition_point(|event| event.published < time)).unwrap_or(Offset::MAX)
    }

    pub(crate) fn topic(&self, name: &str) -> Option<(usize, &Topic)> {
        self.topics.iter().enumerate().find(|(_, topic)| topic.name == name)
    }
}

/// Adds unknown fields of a record to its object, as text.
fn learn_fields(object: &mut Object, fields: &Map<String, Value>) {
    for name in fields.keys().filter(|name| *name != "attributes") {
        if object.field(name).is_none() {
            object.fields.push(Field { name: name.clone(), kind: Kind::Text, stored_only: false });
        }
    }
}

/// Remembers the account's fields of a record.
fn learn_user(users: &mut std::collections::BTreeMap<String, Account>, fields: &Map<String, Value>) {
    let id = value::text(fields, "UserId");
    if id.is_empty() {
        return;
    }
    let account = users.entry(id.to_owned()).or_default();
    for (known, name) in [
        (&mut account.username, "Username"),
        (&mut account.user_type, "UserType"),
        (&mut account.profile_id, "ProfileId"),
        (&mut account.role_id, "RoleId"),
    ] {
        let said = value::text(fields, name);
        if !said.is_empty() && known != said {
            said.clone_into(known);
        }
    }
}
