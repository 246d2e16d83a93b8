//! Which channel counts where several have delivered the same kind of events, as files of an export may.
//!
//! The leading channel is the same as at Salesforce itself: see [`super::leads`]. Here it leads where it has delivered
//! events: from its first to its last one, without days on which it has none.

use super::leads::precedence;
use model::time::{DAY, MINUTE};
use model::{Activity, Channel, Kind, OrgId, Timestamp};
use std::collections::BTreeMap;

/// When each channel has delivered events of each kind, for each org.
///
/// It depends on the set of activities alone, not on their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    orgs: BTreeMap<OrgId, BTreeMap<What, BTreeMap<i64, Day>>>,
    is_shared: bool,
}

/// Number of activities that were left out, by kind and channel.
pub type LeftOut = BTreeMap<(Kind, Channel), u64>;

/// A kind, and whether records are changed: streams of the API leave out most of the changes that its log files have.
type What = (Kind, bool);

/// The first and the last event of a day, by [`precedence`] of the channel.
type Day = [Option<(Timestamp, Timestamp)>; 4];

/// How far the same event may differ in time between channels. A choice: they are written by different machines.
const APART: i64 = MINUTE;

impl Delivered {
    /// Notes that an activity was delivered.
    pub fn see(&mut self, activity: &Activity) {
        let kinds = match self.orgs.get_mut(&activity.org_id) {
            Some(kinds) => kinds,
            None => self.orgs.entry(activity.org_id.clone()).or_default(),
        };
        let day = kinds.entry(what(activity)).or_default().entry(day_of(activity.event_time)).or_default();
        if let Some(span) = day.get_mut(precedence(activity.channel)) {
            let (first, last) = span.get_or_insert((activity.event_time, activity.event_time));
            *first = activity.event_time.min(*first);
            *last = activity.event_time.max(*last);
        }
        self.is_shared |= day.iter().flatten().count() > 1;
    }

    /// Returns whether several channels without common identities have delivered a kind on the same day, so that
    /// [`Delivered::leave_out`] may find something.
    pub fn is_shared(&self) -> bool {
        self.is_shared
    }

    /// Removes the activities that another channel leads for, and counts them. All activities must have been seen.
    pub fn leave_out(&self, activities: &mut Vec<Activity>, left_out: &mut LeftOut) {
        if !self.is_shared {
            return;
        }
        activities.retain(|activity| {
            let is_led = self.is_led(activity);
            if is_led {
                *left_out.entry((activity.kind, activity.channel)).or_default() += 1;
            }
            !is_led
        });
    }

    /// Returns whether a channel that comes before the activity's own has delivered what happened at its time.
    fn is_led(&self, activity: &Activity) -> bool {
        let days = self.orgs.get(&activity.org_id).and_then(|kinds| kinds.get(&what(activity)));
        let before = 0..precedence(activity.channel);
        days.is_some_and(|days| before.into_iter().any(|channel| covers(days, channel, activity.event_time)))
    }
}

/// Returns whether a channel has delivered all events at a time.
fn covers(days: &BTreeMap<i64, Day>, channel: usize, at: Timestamp) -> bool {
    let day = day_of(at);
    let span = |day| days.get(&day).and_then(|day| day.get(channel).copied().flatten());
    let Some((first, last)) = span(day) else { return false };
    let has_begun = span(day - 1).is_some() || at >= first.plus(-APART);
    let goes_on = span(day + 1).is_some() || at <= last.plus(APART);
    has_begun && goes_on
}

fn what(activity: &Activity) -> What {
    (activity.kind, activity.effect == model::Effect::Write)
}

fn day_of(time: Timestamp) -> i64 {
    time.0.div_euclid(DAY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Effect, UserId, Uuid};
    use proptest::prelude::*;

    const CHANNELS: [Channel; 5] =
        [Channel::Stream, Channel::Stored, Channel::LogObject, Channel::LogFile, Channel::Setup];
    const HOUR: i64 = model::time::HOUR;

    fn activity(channel: Channel, kind: Kind, at: i64) -> Activity {
        Activity::new(
            Uuid::from_u128(at as u128),
            OrgId::new("00D000000000001EAA"),
            UserId::new("005000000000001AAA"),
            Timestamp(at),
            channel,
            kind,
        )
    }

    /// Returns what is left of the activities, and how many are left out.
    fn led(activities: &[Activity]) -> (Vec<Activity>, LeftOut) {
        let mut delivered = Delivered::default();
        activities.iter().for_each(|activity| delivered.see(activity));
        let (mut left, mut left_out) = (activities.to_vec(), LeftOut::new());
        delivered.leave_out(&mut left, &mut left_out);
        (left, left_out)
    }

    #[test]
    fn log_files_count_where_stored_events_do_not_reach() {
        let logins = |channel, hours: &[i64]| {
            hours.iter().map(|hour| activity(channel, Kind::Login, hour * HOUR)).collect::<Vec<_>>()
        };
        // Stored from 34:00 on, with the night between two days, until 60:00; once more on the fifth day.
        let stored = logins(Channel::Stored, &[34, 40, 49, 60, 100]);
        let logged = logins(Channel::LogFile, &[1, 33, 34, 40, 47, 48, 49, 60, 61, 80, 99, 100]);
        let (left, left_out) = led(&[stored, logged].concat());
        let hours = left.iter().filter(|activity| activity.channel == Channel::LogFile);
        assert_eq!(hours.map(|activity| activity.event_time.0 / HOUR).collect::<Vec<_>>(), [1, 33, 61, 80, 99]);
        assert_eq!(left_out, [((Kind::Login, Channel::LogFile), 7)].into());
    }

    #[test]
    fn other_kinds_orgs_and_changes_are_not_led() {
        let stored = activity(Channel::Stored, Kind::Report, 0);
        let export = activity(Channel::LogFile, Kind::ReportExport, 0);
        let other_org =
            Activity { org_id: OrgId::new("00D000000000002EAA"), ..activity(Channel::LogFile, Kind::Report, 0) };
        let write = Activity { effect: Effect::Write, ..activity(Channel::LogFile, Kind::Report, 0) };
        let streamed = activity(Channel::Stream, Kind::Report, 0);
        let (left, left_out) = led(&[stored, export, other_org, write, streamed]);
        assert_eq!((left.len(), left_out.len()), (5, 0));
    }

    fn activities() -> impl Strategy<Value = Vec<Activity>> {
        let one = (prop::sample::select(&CHANNELS[..]), prop::sample::select(vec![Kind::Login, Kind::Api]), 0i64..200)
            .prop_map(|(channel, kind, hour)| activity(channel, kind, hour * HOUR));
        prop::collection::vec(one, 0..60)
    }

    proptest! {
        #[test]
        fn the_order_does_not_matter(activities in activities(), turn in 0usize..60) {
            let mut turned = activities.clone();
            turned.rotate_left(turn.min(activities.len()));
            turned.reverse();
            let sorted = |(mut left, left_out): (Vec<Activity>, LeftOut)| {
                left.sort_by_key(|activity| (activity.event_time, activity.channel, activity.kind));
                (left, left_out)
            };
            prop_assert_eq!(sorted(led(&activities)), sorted(led(&turned)));
        }

        #[test]
        fn what_is_left_out_was_delivered_near_by_a_channel_before(activities in activities()) {
            let (left, left_out) = led(&activities);
            prop_assert_eq!(left.len() as u64 + left_out.values().sum::<u64>(), activities.len() as u64);
            for gone in activities.iter().filter(|activity| !left.contains(activity)) {
                let leads = |other: &&Activity| {
                    other.kind == gone.kind && precedence(other.channel) < precedence(gone.channel)
                        && day_of(other.event_time) == day_of(gone.event_time)
                };
                prop_assert!(activities.iter().any(|other| leads(&other)), "{:?}", gone.event_time);
            }
        }

        #[test]
        fn copies_of_all_events_by_another_channel_change_nothing(
            hours in prop::collection::btree_set(0i64..200, 1..40),
            apart in -30_000i64..30_000,
        ) {
            let by = |channel, apart| hours.iter().map(move |hour| activity(channel, Kind::Login, hour * HOUR + HOUR / 2 + apart));
            let both: Vec<_> = by(Channel::Stored, 0).chain(by(Channel::LogFile, apart)).collect();
            let (left, _) = led(&both);
            prop_assert_eq!(left, by(Channel::Stored, 0).collect::<Vec<_>>());
        }

        #[test]
        fn one_channel_alone_is_whole(activities in activities(), channel in prop::sample::select(&CHANNELS[..])) {
            let alone: Vec<_> = activities.into_iter().map(|activity| Activity { channel, ..activity }).collect();
            let mut delivered = Delivered::default();
            alone.iter().for_each(|activity| delivered.see(activity));
            prop_assert!(!delivered.is_shared());
            prop_assert_eq!(led(&alone).0, alone);
        }
    }
}
