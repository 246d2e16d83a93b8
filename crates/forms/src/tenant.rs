//! `TenantSecurityApiAnomaly`: one record for each incident, as Salesforce's Security Center stores anomalies.

use crate::copied::OfFinding;
use crate::describe::{Description, FieldDescription, FieldType, Property};
use crate::facts::{Facts, SecurityEventData};
use crate::names::{EventName, MetricsType};
use crate::query::Value;
use model::{Points, Timestamp, Uuid};
use serde::{Serialize, Serializer};

/// The record of one incident, serialized with the document's names. Fields that it marks as nillable are options.
#[derive(Clone, Debug, PartialEq)]
pub struct TenantSecurityApiAnomaly {
    /// Id of the incident.
    pub detail_identifier: Uuid,
    /// Event time of the first observation of the first finding.
    pub event_date: Option<Timestamp>,
    /// Id that the events about the incident share: that of the incident.
    pub event_identifier: Option<Uuid>,
    /// The kind of anomaly of the leading finding; `None` if a later version's detector raised it.
    pub event_name: Option<EventName>,
    /// Name of the leading finding's detector.
    pub metric_identifier: String,
    /// Type of data that it judges.
    pub metrics_type: MetricsType,
    /// The detector's name for people.
    pub name: String,
    /// What was called.
    pub operation: Option<String>,
    /// Objects that were accessed, with commas between them.
    pub queried_entities: Option<String>,
    /// Id of the transaction.
    pub request_identifier: Option<String>,
    /// Rows that the operation processed.
    pub rows_processed: Option<f64>,
    /// The risk score, 0 to 100.
    pub score: Option<Points>,
    /// Features of all findings that count, by points.
    pub security_event_data: Option<SecurityEventData>,
    /// Sentences of the findings that count, a line each.
    pub summary: Option<String>,
    /// Id of the org.
    pub tenant: String,
    /// Name of the org.
    pub tenant_name: Option<String>,
    /// Always `None`: orgwatch keeps no URI of an activity.
    pub uri: Option<String>,
    /// User agent of the request.
    pub user_agent: Option<String>,
    /// Id of the account.
    pub user_identifier: Option<String>,
    /// The account's username.
    pub username: Option<String>,
}

impl TenantSecurityApiAnomaly {
    /// Writes the record of an incident.
    pub fn of(facts: &Facts<'_>) -> Self {
        let (incident, finding, leading) = (facts.incident(), facts.finding, &facts.leading);
        let copied = OfFinding::with(finding, leading);
        Self {
            detail_identifier: incident.incident_id,
            event_date: Some(incident.first_event_at),
            event_identifier: Some(incident.incident_id),
            event_name: copied.event_name,
            metric_identifier: finding.detector.to_string(),
            metrics_type: copied.metrics_type,
            name: copied.name,
            operation: copied.operation.map(str::to_owned),
            queried_entities: joined(&facts.objects()),
            request_identifier: copied.request_identifier.map(str::to_owned),
            rows_processed: copied.rows_processed,
            score: Some(incident.risk_score),
            security_event_data: facts.security_event_data(),
            summary: Some(facts.summary()),
            tenant: incident.org_id.to_string(),
            tenant_name: facts.subject.tenant_name.map(str::to_owned),
            uri: None,
            user_agent: leading.user_agent.map(str::to_owned),
            user_identifier: Some(incident.user_id.to_string()),
            username: incident.username.as_ref().map(ToString::to_string),
        }
    }

    /// Returns these fields of the record, to be serialized.
    pub fn select<'a>(&'a self, fields: &'a [Field]) -> impl Serialize + 'a {
        Selected { record: self, fields }
    }

    /// Returns the value of a field, `None` for null.
    pub fn value(&self, field: Field) -> Option<Value> {
        let text = |text: &Option<String>| text.clone().map(Value::Text);
        match field {
            Field::DetailIdentifier => Some(Value::Text(self.detail_identifier.to_string())),
            Field::EventDate => self.event_date.map(Value::Time),
            Field::EventIdentifier => self.event_identifier.map(|id| Value::Text(id.to_string())),
            Field::EventName => self.event_name.map(|name| Value::Text(name.to_string())),
            Field::MetricIdentifier => Some(Value::Text(self.metric_identifier.clone())),
            Field::MetricsType => Some(Value::Metrics(self.metrics_type)),
            Field::Name => Some(Value::Text(self.name.clone())),
            Field::Operation => text(&self.operation),
            Field::QueriedEntities => text(&self.queried_entities),
            Field::RequestIdentifier => text(&self.request_identifier),
            Field::RowsProcessed => self.rows_processed.map(Value::Number),
            Field::Score => self.score.map(|score| Value::Number(score.to_f64())),
            Field::SecurityEventData => self.security_event_data.as_ref().map(|data| Value::Text(data.to_string())),
            Field::Summary => text(&self.summary),
            Field::Tenant => Some(Value::Text(self.tenant.clone())),
            Field::TenantName => text(&self.tenant_name),
            Field::Uri => text(&self.uri),
            Field::UserAgent => text(&self.user_agent),
            Field::UserIdentifier => text(&self.user_identifier),
            Field::Username => text(&self.username),
        }
    }
}

impl Serialize for TenantSecurityApiAnomaly {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.select(Field::ALL).serialize(serializer)
    }
}

/// Some fields of a record.
struct Selected<'a> {
    record: &'a TenantSecurityApiAnomaly,
    fields: &'a [Field],
}

impl Serialize for Selected<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.fields.iter().map(|field| (field.description().name, self.record.value(*field))))
    }
}

/// Joins names with commas; `None` if there are none.
pub(crate) fn joined(names: &[&str]) -> Option<String> {
    if names.is_empty() { None } else { Some(names.join(", ")) }
}

/// Declares [`Field`] and [`DESCRIPTION`] as one list.
macro_rules! fields {
    (@describe $name:ident $kind:ident [$($property:ident),*] $($picklist:ident)?) => {
        FieldDescription {
            $(picklist: || $picklist::ALL.iter().map(|value| value.as_str()).collect(),)?
            ..FieldDescription::new(stringify!($name), FieldType::$kind, &[$(Property::$property),*])
        }
    };
    ($($name:ident: $kind:ident $properties:tt $(of $picklist:ident)?,)+) => {
        /// A field of `TenantSecurityApiAnomaly`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Field { $(#[doc = concat!("`", stringify!($name), "`.")] $name),+ }

        impl Field {
            /// Every field, in the order of the document.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Returns what the document says of the field.
            pub fn description(self) -> &'static FieldDescription {
                match self { $(Self::$name => const { &fields!(@describe $name $kind $properties $($picklist)?) }),+ }
            }
        }

        /// The fields of `TenantSecurityApiAnomaly`, as its document describes them.
        pub static DESCRIPTION: Description = Description {
            name: "TenantSecurityApiAnomaly",
            fields: &[$(fields!(@describe $name $kind $properties $($picklist)?)),+],
        };
    };
}

fields! {
    DetailIdentifier: String [Filter, Group, IdLookup, Sort],
    EventDate: DateTime [Filter, Nillable, Sort],
    EventIdentifier: String [Filter, Group, IdLookup, Nillable, Sort],
    EventName: String [Filter, Group, IdLookup, Nillable, Sort],
    MetricIdentifier: String [Filter, Group, Sort],
    MetricsType: Picklist [Filter, Group, RestrictedPicklist, Sort] of MetricsType,
    Name: String [Filter, Group, IdLookup, Sort],
    Operation: String [Filter, Group, Nillable, Sort],
    QueriedEntities: Textarea [Nillable],
    RequestIdentifier: String [Filter, Group, Nillable, Sort],
    RowsProcessed: Double [Filter, Nillable, Sort],
    Score: Double [Filter, IdLookup, Nillable, Sort],
    SecurityEventData: Textarea [Nillable],
    Summary: Textarea [Nillable],
    Tenant: String [Filter, Group, IdLookup, Sort],
    TenantName: String [Filter, Group, IdLookup, Nillable, Sort],
    Uri: String [Filter, Group, Nillable, Sort],
    UserAgent: Textarea [Nillable],
    UserIdentifier: String [Filter, Group, Nillable, Sort],
    Username: String [Filter, Group, IdLookup, Nillable, Sort],
}

impl Field {
    /// Returns the field with this name, in the document's spelling.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|field| field.description().name == name)
    }
}
