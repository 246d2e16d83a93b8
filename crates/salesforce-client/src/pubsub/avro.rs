//! Decodes events from Avro's binary encoding.

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use salesforce::Scalar;
use std::io::{self, Read};

/// Parses a schema.
///
/// # Errors
/// If the text is not a schema, or not one of a record.
pub(crate) fn read_schema(json: &str) -> Result<Schema, String> {
    match Schema::parse_str(json) {
        Ok(schema @ Schema::Record(_)) => Ok(schema),
        Ok(_) => Err("the schema is not one of a record".to_owned()),
        Err(error) => Err(format!("the schema cannot be parsed: {error}")),
    }
}

/// Returns the name of the record, such as `ListViewEventStream`; empty if the schema is not one of a record.
pub(crate) fn name(schema: &Schema) -> String {
    schema.name().map_or_else(String::new, |name| name.name().to_owned())
}

/// Decodes the fields of an event, in the order of its schema. Numbers stay numbers, even if they are times. Arrays,
/// maps and records become JSON text.
///
/// # Errors
/// If the payload does not match the schema exactly, to its last byte.
pub(crate) fn decode(schema: &Schema, payload: &[u8]) -> Result<Vec<(String, Scalar<'static>)>, String> {
    apache_avro::util::max_allocation_bytes(MAX_LENGTH);
    let mut rest = Payload(payload);
    let reader = GenericDatumReader::builder(schema).build();
    let value = reader
        .and_then(|reader| reader.read_value(&mut rest))
        .map_err(|error| format!("the event does not match its schema: {error}"))?;
    if !rest.0.is_empty() {
        return Err(format!("the event does not match its schema: {} bytes are left over", rest.0.len()));
    }
    let Value::Record(fields) = value else {
        return Err("the event is not a record".to_owned());
    };
    fields.into_iter().map(|(name, value)| Ok((name, scalar(value)?))).collect()
}

/// The longest value that is decoded, in bytes, in place of the library's limit of 512 MB. An event has at most 1 MB
/// (Pub/Sub API, "Pub/Sub API Allocations and Limits"), so that a longer length is an error.
const MAX_LENGTH: usize = 2 << 20;

/// A reader that fails at the end of input. The library decodes an end of input within a value as null.
struct Payload<'a>(&'a [u8]);

impl Read for Payload<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() && !buffer.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is truncated"));
        }
        self.0.read(buffer)
    }
}

/// Converts a value. Arrays, maps, records and decimals become JSON text.
fn scalar(value: Value) -> Result<Scalar<'static>, String> {
    Ok(match value {
        Value::Union(_, value) => scalar(*value)?,
        Value::Null => Scalar::Null,
        Value::Boolean(value) => Scalar::Bool(value),
        Value::Int(value) | Value::Date(value) | Value::TimeMillis(value) => Scalar::Number(value.into()),
        Value::Long(value) | Value::TimestampMillis(value) | Value::LocalTimestampMillis(value) => {
            Scalar::Number(value as f64)
        }
        Value::Float(value) => Scalar::Number(value.into()),
        Value::Double(value) => Scalar::Number(value),
        Value::String(text) | Value::Enum(_, text) => Scalar::Text(text.into()),
        Value::Uuid(value) => Scalar::Text(value.to_string().into()),
        Value::Bytes(bytes) | Value::Fixed(_, bytes) => Scalar::Text(text(bytes).into()),
        other => {
            let json =
                serde_json::Value::try_from(other).map_err(|error| format!("a value has no form in JSON: {error}"))?;
            Scalar::Text(json.to_string().into())
        }
    })
}

/// Returns bytes as text, or in base64 if they are not UTF-8.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| STANDARD.encode(error.as_bytes()))
}

#[cfg(test)]
mod tests;
