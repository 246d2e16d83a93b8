//! Conversion of activities.

use super::field::{Field, WireError, fields, numbers};
use crate::activity::{
    Activity, Attribute, Channel, Delegate, Kind, NativeAnomaly, NativeFeature, Outcome, Scope, ScoreScale, SourceIp,
};
use crate::effect::Effect;
use crate::wire;
use std::net::IpAddr;

fields!(Activity => Activity {
    id, org_id, user_id, username, event_time, received_at, channel, kind, operation, outcome, objects, resource_id,
    resource_name, scope, run, rows, rows_returned, columns, bytes, source_ip, asn, country, user_agent, client,
    application, connected_app, api_type, session_key, login_key, request_id, status, login_type, user_type,
    profile_id, role_id, administers, delegate, native, attributes,
} absent { effect: effect_of });
fields!(Attribute => Attribute { name, value });
fields!(Delegate => Delegate { username, user_id, org_id });
fields!(NativeAnomaly => NativeAnomaly { score, scale, summary, features, unread });
fields!(NativeFeature => NativeFeature { name, value, percent });

numbers!(Channel => Channel { Stream, Stored, LogFile, LogObject, SecurityCenter, Setup });
numbers!(Kind => Kind {
    ListView, Api, Report, ReportExport, Login, LoginAs, Logout, LightningUri, Uri, BulkApi, BulkApiResult, File,
    PermissionSet, ApiAnomaly, ReportAnomaly, SessionHijacking, CredentialStuffing, GuestUserAnomaly, LoginAnomaly,
    TenantSecurityApiAnomaly, SetupChange, Attachment, AnalyticsDownload, ApiUsage, AuraRequest, Search,
});
numbers!(Outcome => Outcome { Success, Failure, Initiated } unspecified Unknown);
numbers!(Effect => Effect { Read, Write, Export, Preview, None });
numbers!(Scope => Scope { Own, Group, Team, All, Selected, Count });
numbers!(ScoreScale => ScoreScale { ZeroToOne, ZeroToHundred });

/// Returns the effect of an activity from a message without one. That its kind is unknown is the error of another field.
fn effect_of(wire: &wire::Activity) -> Effect {
    Field::from_wire(wire.kind, "kind").map_or(Effect::None, |kind| Effect::of(kind, wire.operation.as_deref()))
}

impl Field<wire::SourceIp> for SourceIp {
    fn to_wire(&self) -> wire::SourceIp {
        use wire::source_ip::Value;
        let value = match self {
            Self::Address(IpAddr::V4(address)) => Value::Address(address.octets().to_vec()),
            Self::Address(IpAddr::V6(address)) => Value::Address(address.octets().to_vec()),
            Self::Salesforce => Value::Salesforce(true),
            Self::Other(text) => Value::Other(text.to_string()),
        };
        wire::SourceIp { value: Some(value) }
    }

    fn from_wire(wire: wire::SourceIp, name: &'static str) -> Result<Self, WireError> {
        use wire::source_ip::Value;
        match wire.value.ok_or(WireError::Missing(name))? {
            Value::Address(bytes) => {
                if let Ok(octets) = <[u8; 4]>::try_from(bytes.as_slice()) {
                    return Ok(Self::Address(octets.into()));
                }
                let octets = <[u8; 16]>::try_from(bytes.as_slice()).map_err(|_| WireError::NotAnAddress(name))?;
                Ok(Self::Address(octets.into()))
            }
            Value::Salesforce(_) => Ok(Self::Salesforce),
            Value::Other(text) => Ok(Self::Other(text.into())),
        }
    }
}
