//! Conversion of decisions, which travel as the JSON in which they are stored and exported: one form, of one version.

use super::field::{Field, WireError};
use crate::{Decision, wire};

/// The version of the form.
const VERSION: u32 = 1;

impl Field<wire::DecisionRecord> for Decision {
    fn to_wire(&self) -> wire::DecisionRecord {
        // Every field has a form in JSON: only a map with keys that are no text could fail.
        let json = serde_json::to_string(self).unwrap_or_default();
        wire::DecisionRecord { version: VERSION, json }
    }

    fn from_wire(wire: wire::DecisionRecord, field: &'static str) -> Result<Self, WireError> {
        if wire.version != VERSION {
            return Err(WireError::UnknownVersion { field, version: wire.version });
        }
        serde_json::from_str(&wire.json).map_err(|source| WireError::NotJson { field, source })
    }
}
