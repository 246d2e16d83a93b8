//! Conversion of observations.

use super::field::{Field, WireError, fields, numbers};
use crate::arrival::{Anonymized, Anonymizer, NewApp, Wake};
use crate::calibration::Calibration;
use crate::composition::{Composition, UnusualValue, ValueKind};
use crate::effect::{WriteKind, Writes};
use crate::observation::{
    Delegated, Failures, Feature, First, HourOfWeek, Observation, Precision, Rarity, SessionChange, Spread, Surface,
    UserClass,
};
use crate::setup::{Setup, SetupCase};
use crate::usual::{Rate, Usual};
use crate::volume::{Burst, Downloads, Drain, Largest, Pages, Volume};
use crate::wire;

fields!(Observation => Observation {
    org_id, user_id, username, user_class, at, day, revision, activity, features, blind, calibrations,
    precisions, settings,
});
fields!(Precision => Precision { detector, factor });
fields!(Calibration => Calibration { detector, subject, days, knots, slope });
fields!(Usual => Usual { location, scale, degrees, shift, mean, deviation, evidence, prior_weight });
fields!(Rate => Rate { shape, rate, evidence, prior_weight });
fields!(Volume => Volume { rows, hour_rows, requests, objects, evidence, closed, recurrences } renamed { surface: source } required { day, hour, per_request, peer });
fields!(Writes => Writes { kind, rows, hour_rows, requests, chance, days, org_days, objects, evidence, recurrences } renamed { surface: source } required { day, hour });
fields!(Burst => Burst { requests, effective, span, known_share, objects, evidence } required { usual });
fields!(First => First {
    name, today, names, peer_share, peers, rows, from_views, to_view, from_scope, to_scope,
    evidence, peer_tail, known_share,
} renamed { surface: source } required { usual, request });
fields!(Rarity => Rarity { value, seen, days, peer_share, peer_tail, country, new_country, known, anonymizer } required { usual });
fields!(Failures => Failures { recent, count, new_network, evidence } required { usual });
fields!(SessionChange => SessionChange {
    from_network, to_network, from_client, to_client, known_network, elapsed,
} required { usual });
fields!(Delegated => Delegated { delegate, rows, exports, requests, evidence } required { usual });
fields!(HourOfWeek => HourOfWeek { hour, share, days, rows, requests });
fields!(Spread => Spread { objects, unknown, empty, names, evidence, counted, usual_counted } required { usual });
fields!(Downloads => Downloads { count, bytes, evidence, recurrences } required { usual });
fields!(Drain => Drain { since, log10_e, days, excess, rows, usual_rows, evidence } renamed { surface: source });
fields!(Largest => Largest {
    rows, name, deviations, peer_deviations, usual, days, prior_weight, recurrences, objects, evidence, shift, unshifted,
} renamed { surface: source });
fields!(Pages => Pages {
    pages, deviations, peer_deviations, usual, shift, days, prior_weight, recurrences, objects, evidence, unshifted,
    rare,
});

fields!(Setup => Setup { case, what, seen, days, org_days, peer_share, known_app });
fields!(Anonymized => Anonymized { kind, seen, peer_share });
fields!(NewApp => NewApp {
    app, app_id, users, accounts, rolled_out, imitates, chance, peer_tail, days, rows, requests, evidence,
});
fields!(Wake => Wake { silent_days, longest_days, chance, new_network, new_client, novelty, many, days });
fields!(Composition => Composition { ratio, mean, deviation, missing, days, unusual, values, closed });
fields!(UnusualValue => UnusualValue { kind, name, count, ratio, own_share, org_share, first });

numbers!(Anonymizer => Anonymizer { Vpn, Tor, Hosting });
numbers!(UserClass => UserClass { Normal, Power, Admin, Integration, Guest });
numbers!(WriteKind => WriteKind { Created, Updated, Deleted, Erased });
numbers!(SetupCase => SetupCase {
    Rights, BroadRights, OwnRights, App, AppRules, SecondFactor, Sessions, Networks, Policies, Passwords, LoginHours,
    Monitoring, Sharing,
});
numbers!(ValueKind => ValueKind { Object, View, Report, App, Operation });
numbers!(Surface => Source { ListView, Report, Api, Bulk, File });

/// Implements [`Field`] for [`Feature`]. Lists the variants that carry a value; their names are the same on both sides.
macro_rules! features {
    ($($variant:ident),+ $(,)?) => {
        impl Field<wire::Feature> for Feature {
            fn to_wire(&self) -> wire::Feature {
                use wire::feature::Value;
                let value = match self {
                    $(Self::$variant(value) => Value::$variant(value.to_wire()),)+
                    Self::Native => Value::Native(wire::Native {}),
                };
                wire::Feature { value: Some(value) }
            }

            fn from_wire(wire: wire::Feature, name: &'static str) -> Result<Self, WireError> {
                use wire::feature::Value;
                Ok(match wire.value.ok_or(WireError::Missing(name))? {
                    $(Value::$variant(value) => Self::$variant(Field::from_wire(value, name)?),)+
                    Value::Native(wire::Native {}) => Self::Native,
                })
            }
        }
    };
}
features!(
    Volume,
    Burst,
    Scope,
    Object,
    Export,
    Client,
    Network,
    Failures,
    Session,
    Delegated,
    Hour,
    Recon,
    Downloads,
    Drain,
    Writes,
    Setup,
    App,
    Wake,
    Largest,
    Pages,
    Composition,
);
