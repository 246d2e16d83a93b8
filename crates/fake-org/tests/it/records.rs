//! Tests that payloads equal the stored records, in every field of every object of a simulated org.

use crate::support::{Client, MONDAY, event, fetch, script, set, simulated};
use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value as Avro;
use fake_org::{FakeOrg, Fault};
use salesforce_client::pubsub::wire::{ConsumerEvent, ReplayPreset, SchemaRequest, TopicRequest};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

async fn schema(client: &Client, id: &str) -> Schema {
    let request = client.request(SchemaRequest { schema_id: id.to_owned() });
    Schema::parse_str(&client.pubsub.clone().get_schema(request).await.unwrap().into_inner().schema_json).unwrap()
}

fn decode(schema: &Schema, event: &ConsumerEvent) -> Vec<(String, Avro)> {
    let reader = GenericDatumReader::builder(schema).build().unwrap();
    match reader.read_value(&mut event.event.as_ref().unwrap().payload.as_slice()).unwrap() {
        Avro::Record(fields) => fields,
        other => panic!("{other:?}"),
    }
}

/// Converts a payload to the form of the query API.
fn as_stored(fields: Vec<(String, Avro)>) -> Map<String, Value> {
    fields
        .into_iter()
        .map(|(name, value)| {
            let value = match value {
                Avro::Union(_, inner) => *inner,
                other => other,
            };
            let value = match value {
                Avro::Null => Value::Null,
                Avro::String(text) => text.into(),
                Avro::Double(number) => number.into(),
                Avro::Int(number) => number.into(),
                Avro::Boolean(truth) => truth.into(),
                Avro::Long(milliseconds) => {
                    let time = model::Timestamp(milliseconds).to_utc();
                    time.format("%Y-%m-%dT%H:%M:%S%.3f+0000").to_string().into()
                }
                other => panic!("{name}: {other:?}"),
            };
            (name, value)
        })
        .collect()
}

#[tokio::test]
async fn every_object_of_a_simulated_org_survives_its_stream() {
    let script = set(simulated(3), |settings| settings.history = std::time::Duration::from_secs(30 * 86_400));
    let mut expected: BTreeMap<String, Vec<Map<String, Value>>> = BTreeMap::new();
    for event in &script.events {
        expected.entry(event.object.clone()).or_default().push(event.record.fields());
    }
    assert!(expected.len() >= 12, "{:?}", expected.keys());
    let org = FakeOrg::start(script).await.unwrap();
    let client = Client::of(&org).await;
    for (object, records) in expected {
        let topic = match object.strip_suffix("Store") {
            Some(stream) => stream.to_owned(),
            None => format!("{object}Stream"),
        };
        let events = client.earliest(&topic, 100).await.drain(100).await;
        assert_eq!(events.len(), records.len(), "{object}");
        let schema = schema(&client, &events[0].event.as_ref().unwrap().schema_id).await;
        for (event, record) in events.iter().zip(&records) {
            let mut payload = as_stored(decode(&schema, event));
            assert!(payload.remove("EventUuid").unwrap().is_string());
            assert!(payload.remove("CreatedById").unwrap().is_string());
            let stored: Map<String, Value> = record
                .iter()
                .filter(|(name, _)| *name != "attributes" && !name.ends_with("EventNumber"))
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect();
            payload.retain(|name, value| !value.is_null() || stored.contains_key(name));
            assert_eq!(payload, stored, "{object}");
        }
    }
}

#[tokio::test]
async fn nullable_fields_are_unions_with_null_first() {
    let org = FakeOrg::start(script(vec![event("ListViewEvent", 0, 1)])).await.unwrap();
    let client = Client::of(&org).await;
    let event = client.earliest("ListViewEventStream", 1).await.next().await.unwrap().events.remove(0);
    let schema = schema(&client, &event.event.as_ref().unwrap().schema_id).await;
    let Schema::Record(record) = &schema else { panic!("{schema:?}") };
    for field in &record.fields {
        match (&field.schema, field.name.as_str()) {
            (Schema::Long, "CreatedDate") | (Schema::String, "CreatedById") => {}
            (Schema::Union(union), _) => assert_eq!(union.variants()[0], Schema::Null, "{}", field.name),
            other => panic!("{other:?}"),
        }
    }
    let fields: BTreeMap<String, Avro> = decode(&schema, &event).into_iter().collect();
    assert_eq!(fields["CreatedDate"], Avro::Long(MONDAY.0));
    assert_eq!(fields["EventDate"], Avro::Union(1, Box::new(Avro::Long(MONDAY.0))));
    assert_eq!(fields["RowsProcessed"], Avro::Union(1, Box::new(Avro::Double(1.0))));
    assert_eq!(fields["Sequence"], Avro::Union(0, Box::new(Avro::Null)));
}

#[tokio::test]
async fn a_schema_may_change_during_a_stream() {
    let events = (0..4).map(|number| event("ListViewEvent", number, number as usize)).collect();
    let org = FakeOrg::start(script(events)).await.unwrap();
    let client = Client::of(&org).await;
    let mut stream = client.earliest("ListViewEventStream", 2).await;
    let before = stream.next().await.unwrap().events;
    org.control().misbehave(Fault::SchemaChanged.on("ListViewEventStream"));
    stream.request(2);
    let after = stream.next().await.unwrap().events;
    let id = |event: &ConsumerEvent| event.event.as_ref().unwrap().schema_id.clone();
    assert_ne!(id(&before[0]), id(&after[0]));
    let topic = TopicRequest { topic_name: "/event/ListViewEventStream".to_owned() };
    let topic = client.pubsub.clone().get_topic(client.request(topic)).await.unwrap().into_inner();
    assert_eq!(topic.schema_id, id(&after[0]));
    let names = |fields: Vec<(String, Avro)>| fields.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    let (old, new) = (schema(&client, &id(&before[0])).await, schema(&client, &id(&after[0])).await);
    let (old, new) = (names(decode(&old, &before[0])), names(decode(&new, &after[0])));
    assert_eq!(new.len(), old.len() + 1);
    assert_ne!(old[0], new[0]);
    assert!(new.contains(&"NewInThisRelease".to_owned()));
    // Replayed events have the new schema.
    let again = fetch("ListViewEventStream", ReplayPreset::Custom, &before[0].replay_id, 1);
    assert_eq!(id(&client.subscribe(again).await.unwrap().next().await.unwrap().events[0]), topic.schema_id);
}
