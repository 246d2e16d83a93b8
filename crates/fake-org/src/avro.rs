//! Avro schemas of streamed events, and the encoding of their payloads.

use crate::objects::{Kind, Object};
use crate::value;
use model::Timestamp;
use serde_json::{Map, Value, json};

/// A schema: the fields of a payload, in order.
#[derive(Clone, Debug)]
pub(crate) struct Schema {
    pub(crate) id: String,
    pub(crate) json: String,
    name: String,
    fields: Vec<Column>,
}

#[derive(Clone, Debug)]
struct Column {
    name: String,
    kind: Kind,
    /// Whether it always has a value; other fields are unions with null.
    required: bool,
}

/// The fields of a payload that are not in the record.
pub(crate) struct Envelope<'a> {
    pub(crate) uuid: &'a str,
    /// The `CreatedDate` if the record has none.
    pub(crate) at: Timestamp,
}

/// The user that publishes events: the org's automated process.
const CREATED_BY: &str = "005fk0000000000AAA";

impl Schema {
    /// Makes the schema of a stream from the fields of the stored object.
    pub(crate) fn new(stream: &str, object: &Object) -> Self {
        let column = |name: &str, kind, required| Column { name: name.to_owned(), kind, required };
        let mut fields = vec![
            column("CreatedDate", Kind::Time, true),
            column("CreatedById", Kind::Text, true),
            column("EventUuid", Kind::Text, false),
        ];
        let shared = object.fields.iter().filter(|field| !field.stored_only);
        fields.extend(shared.map(|field| column(&field.name, field.kind, false)));
        Self::of(stream.to_owned(), fields)
    }

    /// The schema as a release of Salesforce may change it: with an additional field, and the others in another order.
    pub(crate) fn changed(&self) -> Self {
        let mut fields = self.fields.clone();
        fields.reverse();
        fields.push(Column { name: "NewInThisRelease".to_owned(), kind: Kind::Text, required: false });
        Self::of(self.name.clone(), fields)
    }

    /// Encodes a payload. Values that do not fit their field and missing values become null.
    pub(crate) fn encode(&self, record: &Map<String, Value>, envelope: &Envelope<'_>) -> Vec<u8> {
        let mut out = Vec::with_capacity(1_024);
        for field in &self.fields {
            let value = record.get(&field.name);
            match field.name.as_str() {
                "CreatedDate" => {
                    let created = value.and_then(Value::as_str).and_then(value::time);
                    push_long(&mut out, created.unwrap_or(envelope.at).0);
                }
                "CreatedById" => push_text(&mut out, value.and_then(Value::as_str).unwrap_or(CREATED_BY)),
                "EventUuid" => push_some(&mut out, |out| push_text(out, envelope.uuid)),
                "NewInThisRelease" => push_some(&mut out, |out| push_text(out, "new")),
                _ => push_value(&mut out, field.kind, value.unwrap_or(&Value::Null)),
            }
        }
        out
    }

    fn of(name: String, fields: Vec<Column>) -> Self {
        let columns: Vec<Value> = fields.iter().map(Column::describe).collect();
        let json = json!({ "type": "record", "name": name, "namespace": "com.sforce.eventbus", "fields": columns });
        let json = json.to_string();
        let id = format!("{:016x}", model::id::hash(json.as_bytes()));
        Self { id, json, name, fields }
    }
}

impl Column {
    fn describe(&self) -> Value {
        let kind = match self.kind {
            Kind::Text | Kind::Reference => "string",
            Kind::Time => "long",
            Kind::Double => "double",
            Kind::Int => "int",
            Kind::Bool => "boolean",
        };
        if self.required {
            json!({ "name": self.name, "type": kind })
        } else {
            json!({ "name": self.name, "type": ["null", kind], "default": null })
        }
    }
}

fn push_value(out: &mut Vec<u8>, kind: Kind, value: &Value) {
    let whole = || value.as_i64().or_else(|| value.as_f64().map(|number| number as i64));
    match (kind, value) {
        (_, Value::Null) => push_long(out, 0),
        (Kind::Text | Kind::Reference, Value::String(text)) => push_some(out, |out| push_text(out, text)),
        (Kind::Text | Kind::Reference, other) => push_some(out, |out| push_text(out, &other.to_string())),
        (Kind::Bool, Value::Bool(truth)) => push_some(out, |out| out.push(u8::from(*truth))),
        (Kind::Double, Value::Number(number)) => {
            push_some(out, |out| out.extend(number.as_f64().unwrap_or_default().to_le_bytes()));
        }
        (Kind::Int, Value::Number(_)) => match whole().and_then(|number| i32::try_from(number).ok()) {
            Some(number) => push_some(out, |out| push_long(out, number.into())),
            None => push_long(out, 0),
        },
        (Kind::Time, Value::String(text)) => match value::time(text) {
            Some(time) => push_some(out, |out| push_long(out, time.0)),
            None => push_long(out, 0),
        },
        _ => push_long(out, 0),
    }
}

/// Writes a value as the second branch of a union with null.
fn push_some(out: &mut Vec<u8>, value: impl FnOnce(&mut Vec<u8>)) {
    push_long(out, 1);
    value(out);
}

fn push_text(out: &mut Vec<u8>, text: &str) {
    push_long(out, i64::try_from(text.len()).unwrap_or(i64::MAX));
    out.extend_from_slice(text.as_bytes());
}

/// Writes a number in Avro's encoding of `int` and `long`: zigzag, seven bits in a byte.
fn push_long(out: &mut Vec<u8>, number: i64) {
    let mut rest = ((number << 1) ^ (number >> 63)) as u64;
    while rest >= 0x80 {
        out.push((rest as u8) | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}
