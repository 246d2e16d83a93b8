//! The org's objects and their fields.

mod events;
mod standard;

pub(crate) use events::events;
pub(crate) use standard::{event_log_file, standard};

use crate::value;
use serde_json::{Value, json};

/// An object that can be described and queried.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) name: String,
    pub(crate) class: Class,
    pub(crate) fields: Vec<Field>,
}

/// The class of an object, which decides how it can be queried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// A big object: indexed by `EventDate` and `EventIdentifier`, which alone can be filtered by.
    Big,
    /// An ordinary object: can be filtered and sorted by every field.
    Standard,
    /// An event log object: as [`Class::Standard`], but all rows have the same id.
    EventLog,
}

/// A field of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// Whether streamed events lack it.
    pub(crate) stored_only: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Reference,
    Time,
    Double,
    Int,
    Bool,
}

/// The id of every row of big objects and event log objects.
pub(crate) const NO_ID: &str = "000000000000000AAA";

impl Object {
    pub(crate) fn new(name: &str, class: Class, fields: Vec<Field>) -> Self {
        Self { name: name.to_owned(), class, fields }
    }

    /// Finds a field by its name in any case.
    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name))
    }

    /// Formats the answer of `describe`, without the fields that are hidden from the user.
    pub(crate) fn describe(&self, hidden: impl Fn(&Field) -> bool) -> Value {
        let shown = self.fields.iter().filter(|field| !field.name.contains('.') && !hidden(field));
        let fields: Vec<Value> = shown.map(|field| self.describe_field(field)).collect();
        json!({ "name": self.name, "label": self.name, "queryable": true, "createable": false, "fields": fields })
    }

    fn describe_field(&self, field: &Field) -> Value {
        let indexed = self.class != Class::Big || matches!(field.name.as_str(), "EventDate" | "EventIdentifier");
        json!({
            "name": field.name,
            "label": field.name,
            "type": field.kind.word(&field.name),
            "nillable": !matches!(field.name.as_str(), "Id" | "EventDate" | "EventIdentifier"),
            "filterable": indexed,
            "sortable": indexed,
        })
    }
}

impl Field {
    /// Reads `Name`, `Name:kind`, or `-Name:kind` for a field that streamed events lack.
    pub(crate) fn read(text: &str) -> Self {
        let (name, stored_only) = match text.strip_prefix('-') {
            Some(name) => (name, true),
            None => (text, false),
        };
        let (name, kind) = name.split_once(':').unwrap_or((name, ""));
        let kind = match kind {
            "r" => Kind::Reference,
            "t" => Kind::Time,
            "d" => Kind::Double,
            "i" => Kind::Int,
            "b" => Kind::Bool,
            _ => Kind::Text,
        };
        Self { name: name.to_owned(), kind, stored_only }
    }

    /// Reads a list of fields, separated by spaces.
    pub(crate) fn list(text: &str) -> Vec<Self> {
        text.split_whitespace().map(Self::read).collect()
    }
}

impl Kind {
    /// The type in the answer of `describe`.
    fn word(self, name: &str) -> &'static str {
        match self {
            Self::Text if name == "LogFile" => "base64",
            Self::Text => "string",
            Self::Reference if name == "Id" => "id",
            Self::Reference => "reference",
            Self::Time => "datetime",
            Self::Double => "double",
            Self::Int => "int",
            Self::Bool => "boolean",
        }
    }
}

/// Derives the id of a row from its event's identifier.
pub(crate) fn row_id(object: &str, identifier: &str) -> String {
    let prefix = match object {
        "ApiAnomalyEventStore" => "0eA",
        "ReportAnomalyEventStore" => "0eR",
        "SessionHijackingEventStore" => "0eS",
        _ => "0eX",
    };
    value::id(prefix, identifier)
}
