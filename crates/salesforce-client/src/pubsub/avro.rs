//! Events as Avro has them.

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use salesforce::Scalar;
use std::io::{self, Read};

/// # Errors
/// If it is none, or not one of records.
pub(crate) fn read_schema(json: &str) -> Result<Schema, String> {
    match Schema::parse_str(json) {
        Ok(schema @ Schema::Record(_)) => Ok(schema),
        Ok(_) => Err("the schema is of no record".to_owned()),
        Err(error) => Err(format!("the schema cannot be read: {error}")),
    }
}

/// The name of what the schema describes, such as `ListViewEventStream`; empty if it is no record.
pub(crate) fn name(schema: &Schema) -> String {
    schema.name().map_or_else(String::new, |name| name.name().to_owned())
}

/// The fields of an event, in the order of its schema. Numbers stay numbers, also those that are times; what has parts
/// becomes JSON text.
///
/// # Errors
/// If it is not, from its first byte to its last, what the schema says.
pub(crate) fn decode(schema: &Schema, payload: &[u8]) -> Result<Vec<(String, Scalar<'static>)>, String> {
    // An event has at most 1 MB, so that longer lengths are nonsense; the library's own limit is 512 MB.
    apache_avro::util::max_allocation_bytes(MAX_LENGTH);
    let mut rest = Whole(payload);
    let reader = GenericDatumReader::builder(schema).build();
    let value = reader
        .and_then(|reader| reader.read_value(&mut rest))
        .map_err(|error| format!("no event of its schema: {error}"))?;
    if !rest.0.is_empty() {
        return Err(format!("no event of its schema: {} bytes are left over", rest.0.len()));
    }
    let Value::Record(fields) = value else {
        return Err("no record".to_owned());
    };
    fields.into_iter().map(|(name, value)| Ok((name, scalar(value)?))).collect()
}

const MAX_LENGTH: usize = 2 << 20;

/// Bytes whose end is an error of its own kind: the library takes a usual end of input within a value for a null.
struct Whole<'a>(&'a [u8]);

impl Read for Whole<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() && !buffer.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it ends too early"));
        }
        self.0.read(buffer)
    }
}

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
            let json = serde_json::Value::try_from(other).map_err(|error| format!("no value of JSON: {error}"))?;
            Scalar::Text(json.to_string().into())
        }
    })
}

/// Bytes as what they say or, if that is no text, in base64.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| STANDARD.encode(error.as_bytes()))
}

#[cfg(test)]
mod tests;
