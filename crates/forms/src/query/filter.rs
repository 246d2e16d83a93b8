//! Filters: what must hold of one field.

use super::QueryError;
use crate::describe::{FieldType, Property};
use crate::names::MetricsType;
use crate::tenant::Field;
use model::Timestamp;
use serde::Serialize;

/// What must hold of one field of a record.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    /// The field. It is marked Filter.
    pub field: Field,
    /// What its value must pass. The values in it are of the field's type.
    pub test: Test,
}

/// What a value must pass. Null passes [`Test::Differs`] alone, as in SOQL.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// `eq:value`.
    Equals(Value),
    /// `ne:value`: another value, or null.
    Differs(Value),
    /// `in:value,value`: one of at most [`Test::MOST`]. Values have no commas.
    OneOf(Vec<Value>),
    /// `like:prefix%`: starts with the prefix, in which no character is special. For strings.
    StartsWith(String),
    /// `lt:value`, `le:`, `gt:` or `ge:`. For times and numbers.
    Compares(Comparison, Value),
}

/// How a value compares to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `lt`: smaller, or earlier.
    Less,
    /// `le`: not larger.
    AtMost,
    /// `gt`: larger, or later.
    Greater,
    /// `ge`: not smaller.
    AtLeast,
}

/// A value, by the type of its field.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// Of a string.
    Text(String),
    /// Of a dateTime.
    Time(Timestamp),
    /// Of a double, finite.
    Number(f64),
    /// Of the picklist `MetricsType`.
    Metrics(MetricsType),
}

impl Test {
    /// The most values of `in`. A choice.
    pub const MOST: usize = 100;
}

impl Filter {
    /// Parses `op:value` for a field.
    pub(super) fn parse(field: Field, text: &str) -> Result<Self, QueryError> {
        let description = field.description();
        let name = description.name;
        if !description.has(Property::Filter) {
            return Err(QueryError::NotMarked { field: name, property: Property::Filter });
        }
        let (operator, value) = text.split_once(':').ok_or(QueryError::NoOperator { field: name })?;
        let is_ordered = matches!(description.kind, FieldType::DateTime | FieldType::Double);
        let compares = |comparison| Ok(Test::Compares(comparison, Value::parse(field, value)?));
        let test = match operator {
            "eq" => Test::Equals(Value::parse(field, value)?),
            "ne" => Test::Differs(Value::parse(field, value)?),
            "in" => Test::OneOf(list(field, value)?),
            "like" if description.kind == FieldType::String => Test::StartsWith(prefix(field, value)?),
            "lt" if is_ordered => compares(Comparison::Less)?,
            "le" if is_ordered => compares(Comparison::AtMost)?,
            "gt" if is_ordered => compares(Comparison::Greater)?,
            "ge" if is_ordered => compares(Comparison::AtLeast)?,
            _ => {
                let allowed = match description.kind {
                    FieldType::String => "eq, ne, in and like",
                    _ if is_ordered => "eq, ne, in, lt, le, gt and ge",
                    _ => "eq, ne and in",
                };
                let operator = operator.to_owned();
                return Err(QueryError::Operator { field: name, operator, kind: description.kind.as_str(), allowed });
            }
        };
        Ok(Self { field, test })
    }
}

impl Value {
    /// Parses a value of a field.
    pub(super) fn parse(field: Field, text: &str) -> Result<Self, QueryError> {
        let problem = |problem| refused(field, text, problem);
        match field.description().kind {
            FieldType::DateTime => {
                let time = Timestamp::parse(text).filter(|time| time.is_in_calendar()).map(Self::Time);
                time.ok_or_else(|| problem("no time; write 2026-03-02T14:31:52.867Z or 2026-03-02"))
            }
            FieldType::Double => {
                let number = text.parse().ok().filter(|number: &f64| number.is_finite()).map(Self::Number);
                number.ok_or_else(|| problem("no number"))
            }
            FieldType::Picklist => {
                let value = MetricsType::ALL.iter().copied().find(|value| value.as_str() == text).map(Self::Metrics);
                value.ok_or_else(|| problem("no value of the picklist, which describe lists"))
            }
            FieldType::String | FieldType::Textarea | FieldType::Reference => {
                // Postgres refuses zero bytes in text.
                if text.contains('\0') {
                    Err(problem("a text with a zero byte"))
                } else {
                    Ok(Self::Text(text.to_owned()))
                }
            }
        }
    }
}

fn list(field: Field, text: &str) -> Result<Vec<Value>, QueryError> {
    let values: Vec<Value> = text.split(',').map(|value| Value::parse(field, value)).collect::<Result<_, _>>()?;
    if values.len() > Test::MOST { Err(refused(field, text, "a list of more than 100 values")) } else { Ok(values) }
}

fn prefix(field: Field, text: &str) -> Result<String, QueryError> {
    let prefix = text.strip_suffix('%').filter(|prefix| !prefix.is_empty() && !prefix.contains('%'));
    let prefix = prefix.ok_or_else(|| refused(field, text, "no prefix; write some characters and one % after them"))?;
    match Value::parse(field, prefix)? {
        Value::Text(prefix) => Ok(prefix),
        _ => Err(refused(field, text, "no text")),
    }
}

fn refused(field: Field, value: &str, problem: &'static str) -> QueryError {
    QueryError::Value { field: field.description().name, value: value.to_owned(), problem }
}
