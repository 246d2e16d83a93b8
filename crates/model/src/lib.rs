#![doc = include_str!("../README.md")]

pub mod activity;
pub mod arrival;
pub mod batch;
pub mod calibration;
pub mod codec;
pub mod composition;
pub mod decision;
pub mod effect;
pub mod evidence;
pub mod finding;
pub mod id;
pub mod incident;
pub mod observation;
pub mod operational;
pub mod partition;
pub mod setup;
pub mod time;
pub mod user_day;
pub mod usual;
pub mod volume;
pub mod wire;
mod words;

pub use activity::{
    Activity, Attribute, Channel, Delegate, Kind, NativeAnomaly, NativeFeature, Outcome, Scope, ScoreScale, SourceIp,
};
pub use arrival::{Anonymized, Anonymizer, NewApp, Wake};
pub use batch::{Batch, Change, ChangeKind, Command, Control, EndReason, Entry, Item};
pub use calibration::Calibration;
pub use codec::WireError;
pub use composition::{Composition, UnusualValue, ValueKind};
pub use decision::{Decision, Disposition, Ruling};
pub use effect::{Effect, WriteKind, Writes};
pub use evidence::Evidence;
pub use finding::{Contribution, Finding, Measure, Severity};
pub use id::{OrgId, UserId};
pub use incident::{Incident, Points, Receipt, RiskModel, Status, Term, TermKind};
pub use observation::{
    Delegated, Failures, Family, Feature, First, HourOfWeek, Observation, Precision, Rarity, SessionChange, Spread,
    Surface, UserClass,
};
pub use setup::{Setup, SetupCase, SetupTopic};
pub use time::Timestamp;
pub use user_day::{Band, DayFacts, DayFirsts, DaySurprise, DayUnjudged, DayVolume, FirstOf, UserDay};
pub use usual::{Rate, Usual};
pub use uuid::Uuid;
pub use volume::{Burst, Downloads, Drain, Largest, Pages, Volume};

/// Short text. Up to 24 bytes are stored inline, without an allocation.
pub type Text = compact_str::CompactString;
