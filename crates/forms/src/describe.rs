//! What an object's fields are: the answer to Salesforce's `describeSObjects()`, and what queries may do with a field.

use model::words;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

/// An object and its fields, in the order of its document.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Description {
    /// Name of the object.
    pub name: &'static str,
    /// Its fields.
    pub fields: &'static [FieldDescription],
}

/// One field. It is serialized with the names of Salesforce's describe: `filterable`, `groupable`, ….
#[derive(Clone, Copy, Debug)]
pub struct FieldDescription {
    /// Name of the field.
    pub name: &'static str,
    /// Type of its values.
    pub kind: FieldType,
    /// What may be done with it, in the document's order.
    pub properties: &'static [Property],
    /// Values that a picklist has.
    pub picklist: fn() -> Vec<&'static str>,
}

words! {
    /// Type of a field's values, as the documents spell it.
    FieldType {
        /// A short text.
        String = "string",
        /// A time in milliseconds.
        DateTime = "dateTime",
        /// A number.
        Double = "double",
        /// One of a few texts.
        Picklist = "picklist",
        /// A long text.
        Textarea = "textarea",
        /// Id of another record.
        Reference = "reference",
    }
}

words! {
    /// What may be done with a field, as the documents spell it.
    Property {
        /// A query may select records by it.
        Filter = "Filter",
        /// A query may count records by it.
        Group = "Group",
        /// A record may be looked up by it.
        IdLookup = "idLookup",
        /// It may be null.
        Nillable = "Nillable",
        /// It has values of its picklist only.
        RestrictedPicklist = "Restricted picklist",
        /// A query may sort records by it.
        Sort = "Sort",
    }
}

impl FieldDescription {
    /// Describes a field that is no picklist.
    pub(crate) const fn new(name: &'static str, kind: FieldType, properties: &'static [Property]) -> Self {
        Self { name, kind, properties, picklist: Vec::new }
    }

    /// Returns whether the document marks the field with the property.
    pub fn has(&self, property: Property) -> bool {
        self.properties.contains(&property)
    }
}

impl Serialize for FieldDescription {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let values = (self.picklist)().into_iter();
        let values: Vec<_> = values.map(|value| PicklistValue { value, label: value, active: true }).collect();
        let mut field = serializer.serialize_struct("FieldDescription", 9)?;
        field.serialize_field("name", self.name)?;
        field.serialize_field("type", &self.kind)?;
        field.serialize_field("filterable", &self.has(Property::Filter))?;
        field.serialize_field("groupable", &self.has(Property::Group))?;
        field.serialize_field("sortable", &self.has(Property::Sort))?;
        field.serialize_field("idLookup", &self.has(Property::IdLookup))?;
        field.serialize_field("nillable", &self.has(Property::Nillable))?;
        field.serialize_field("restrictedPicklist", &self.has(Property::RestrictedPicklist))?;
        field.serialize_field("picklistValues", &values)?;
        field.end()
    }
}

#[derive(Serialize)]
struct PicklistValue {
    value: &'static str,
    label: &'static str,
    active: bool,
}
