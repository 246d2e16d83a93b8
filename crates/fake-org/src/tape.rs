//! The script's events as they are looked up: one tape in the order of publishing, and places on it by object.

use crate::avro::Schema;
use crate::objects::{self, Field, Kind, Object};
use crate::script::{Event, Record};
use crate::value;
use model::Timestamp;
use serde_json::{Map, Value};

/// A place on the tape: how many events are before it.
pub(crate) type Place = u32;

#[derive(Debug)]
pub(crate) struct Tape {
    pub(crate) events: Vec<Entry>,
    pub(crate) topics: Vec<Topic>,
    /// The places of each topic's events, by topic.
    pub(crate) places: Vec<Vec<Place>>,
    /// Each account as its latest event has it.
    pub(crate) users: std::collections::BTreeMap<String, Account>,
}

#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) at: Timestamp,
    /// Never before what was published before it.
    pub(crate) published: Timestamp,
    /// By its place in [`Tape::topics`].
    pub(crate) topic: usize,
    pub(crate) record: Record,
}

/// One kind of event, or a channel of several: then all but its names are those of its first member.
#[derive(Clone, Debug)]
pub(crate) struct Topic {
    /// `/event/ListViewEventStream`.
    pub(crate) name: String,
    pub(crate) stream: String,
    pub(crate) stored: Object,
    /// As it is, and as it becomes by [`crate::Fault::SchemaChanged`].
    pub(crate) schema: Schema,
    pub(crate) changed: Schema,
}

/// What events say about an account.
#[derive(Clone, Debug, Default)]
pub(crate) struct Account {
    pub(crate) username: String,
    pub(crate) user_type: String,
    pub(crate) profile_id: String,
    pub(crate) role_id: String,
}

impl Topic {
    /// Its two names, which faults may be for.
    pub(crate) fn names(&self) -> [&str; 2] {
        [&self.stream, &self.stored.name]
    }
}

impl Tape {
    /// # Errors
    /// The name of an object that no org has.
    pub(crate) fn new(events: Vec<Event>) -> Result<Self, String> {
        let mut objects = objects::events();
        let mut places = vec![Vec::new(); objects.len()];
        let mut users = std::collections::BTreeMap::<String, Account>::new();
        let mut entries = Vec::with_capacity(events.len());
        let mut published = Timestamp(i64::MIN);
        for (place, event) in (0..).zip(events) {
            let topic = objects.iter().position(|object| object.stored.name == event.object);
            let Some((topic, object)) = topic.and_then(|topic| Some((topic, objects.get_mut(topic)?))) else {
                return Err(event.object);
            };
            let fields = event.record.fields();
            learn_fields(&mut object.stored, &fields);
            learn_user(&mut users, &fields);
            if let Some(list) = places.get_mut(topic) {
                list.push(place);
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
        Ok(Self { events: entries, topics, places, users })
    }

    /// Adds a custom channel of streamed objects, or of all.
    pub(crate) fn add_channel(&mut self, name: &str, members: &[String]) {
        let is_member = |topic: &&Topic| members.is_empty() || members.contains(&topic.stream);
        let Some(first) = self.topics.iter().find(is_member) else { return };
        let channel = Topic { name: format!("/event/{name}"), stream: name.to_owned(), ..first.clone() };
        let of_members = self.topics.iter().zip(&self.places).filter(|(topic, _)| is_member(topic));
        let mut places: Vec<Place> = of_members.flat_map(|(_, places)| places.iter().copied()).collect();
        places.sort_unstable();
        self.topics.push(channel);
        self.places.push(places);
    }

    pub(crate) fn end(&self) -> Place {
        Place::try_from(self.events.len()).unwrap_or(Place::MAX)
    }

    pub(crate) fn event(&self, place: Place) -> Option<&Entry> {
        self.events.get(place as usize)
    }

    /// The place after all events that were published by `time`.
    pub(crate) fn after(&self, time: Timestamp) -> Place {
        Place::try_from(self.events.partition_point(|event| event.published <= time)).unwrap_or(Place::MAX)
    }

    /// The place before all events that were published from `time` on.
    pub(crate) fn before(&self, time: Timestamp) -> Place {
        Place::try_from(self.events.partition_point(|event| event.published < time)).unwrap_or(Place::MAX)
    }

    pub(crate) fn topic(&self, name: &str) -> Option<(usize, &Topic)> {
        self.topics.iter().enumerate().find(|(_, topic)| topic.name == name)
    }
}

/// A field that we have not heard of is taken as text, whatever it holds.
fn learn_fields(object: &mut Object, fields: &Map<String, Value>) {
    for name in fields.keys().filter(|name| *name != "attributes") {
        if object.field(name).is_none() {
            object.fields.push(Field { name: name.clone(), kind: Kind::Text, stored_only: false });
        }
    }
}

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
