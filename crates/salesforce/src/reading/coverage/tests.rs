use super::super::Gap;
use super::*;
use model::codec::Message;
use model::time::{DAY, HOUR, MINUTE};
use model::{Channel, Finding, Kind, OrgId, Severity, Timestamp};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

const ORG: &str = "00Dhn0000018hrcEAA";
const NOON: i64 = 1_772_452_800_000;
const FIFTEEN: Duration = Duration::from_secs(900);
const LIST: Kind = Kind::ListView;
const LOGIN: Kind = Kind::Login;

const START: Duration = Duration::ZERO;

/// A board whose org's clock showed noon when it was made.
struct Scene {
    board: Board,
}

impl Scene {
    fn new() -> Self {
        Self { board: Board::new(Timestamp(NOON)) }
    }

    /// Streams lead for both kinds, and answer at noon.
    fn streaming() -> Self {
        let mut scene = Self::new();
        for kind in [LIST, LOGIN] {
            scene.board.led(kind, Some(Channel::Stream), START);
        }
        scene.hear(0, &[LIST, LOGIN]);
        scene
    }

    fn hear(&mut self, minute: u64, kinds: &[Kind]) {
        self.board.heard(Channel::Stream, kinds, noon(minute as i64), at(minute));
    }

    /// Publishes the transitions of that minute.
    fn publish(&mut self, minute: u64) -> Vec<Transition> {
        let now = at(minute);
        let transitions = self.board.transitions(now, |_| FIFTEEN);
        transitions.iter().for_each(|transition| self.board.published(transition.clone(), now));
        transitions
    }

    fn summaries(&mut self, minute: u64) -> Vec<String> {
        self.publish(minute).iter().map(Transition::summary).collect()
    }

    fn statuses(&self) -> Vec<(Kind, Channel, Status)> {
        let states = self.board.states().into_iter();
        states.map(|state| (state.kind, state.channel, state.status)).collect()
    }
}

fn at(minute: u64) -> Duration {
    Duration::from_secs(60 * minute)
}

fn noon(minute: i64) -> Timestamp {
    Timestamp(NOON + minute * MINUTE)
}

fn gap(kind: Kind, from: i64, to: i64) -> Gap {
    Gap { kind, from: noon(from), to: noon(to), reason: "the position in the stream has expired".to_owned() }
}

#[test]
fn silence_is_published_once_and_so_is_its_end() {
    let mut scene = Scene::streaming();
    scene.hear(10, &[LOGIN]);
    assert_eq!(scene.summaries(14), [""; 0]);
    assert_eq!(scene.summaries(15), ["no list view events since 12:00 UTC: the stream is silent"]);
    scene.hear(20, &[LOGIN]);
    assert_eq!(scene.summaries(30), [""; 0]);
    scene.hear(31, &[LIST, LOGIN]);
    assert_eq!(scene.summaries(32), ["no list view events from 12:00 to 12:32 UTC: the stream is silent"]);
    assert_eq!(scene.summaries(33), [""; 0]);
}

#[test]
fn a_failure_is_published_only_if_it_lasts() {
    let mut scene = Scene::streaming();
    scene.board.failed(Channel::Stream, &[LIST, LOGIN], "subscribe: PERMISSION_DENIED:\n no", at(5));
    scene.hear(6, &[LOGIN]);
    assert_eq!(scene.summaries(15), ["no list view events since 12:00 UTC: subscribe: PERMISSION_DENIED: no"]);
    let detail =
        scene.board.states().into_iter().find(|state| state.status == Status::Blind).and_then(|state| state.detail);
    assert_eq!(
        detail.unwrap(),
        "subscribe: PERMISSION_DENIED: no; correct what the error names; orgwatch keeps trying"
    );
}

#[test]
fn only_the_leading_channel_is_missed_and_each_has_its_own_patience() {
    let mut scene = Scene::streaming();
    scene.board.heard(Channel::Stored, &[LIST], noon(0), START);
    scene.hear(60, &[LIST, LOGIN]);
    assert_eq!(scene.summaries(61), [""; 0]);
    // Another channel leads: its first answer is due from then on.
    scene.board.led(LIST, Some(Channel::Stored), at(61));
    scene.hear(70, &[LIST, LOGIN]);
    assert_eq!(scene.summaries(75), [""; 0]);
    let patience = |channel| if channel == Channel::Stored { FIFTEEN * 3 } else { FIFTEEN };
    assert_eq!(scene.board.transitions(at(76), patience), []);
    let silent = "no list view events since 12:00 UTC: queries of stored events get no answer";
    assert_eq!(scene.summaries(76), [silent]);
}

#[test]
fn an_open_gap_makes_blind_until_it_is_filled() {
    let mut scene = Scene::streaming();
    scene.board.gaps(vec![gap(LIST, -120, -5), gap(LOGIN, -3_000, -1_500)]);
    let blind = ["list view events are missing from 10:00 to 11:55 UTC: the position in the stream has expired"];
    assert_eq!(scene.summaries(1), blind, "a gap of more than a day ago does not count");
    scene.hear(2, &[LIST, LOGIN]);
    assert_eq!(scene.summaries(3), [""; 0]);
    scene.board.gaps(Vec::new());
    let sighted = ["list view events were missing from 10:00 to 11:55 UTC: the position in the stream has expired"];
    assert_eq!(scene.summaries(4), sighted);
}

#[test]
fn an_unreachable_org_is_blind_as_a_whole() {
    let mut scene = Scene::new();
    scene.board.expect([LIST, LOGIN]);
    scene.board.unreachable("it is org 00D000000000001EAA, and should be another");
    assert_eq!(scene.publish(14), []);
    let transitions = scene.publish(15);
    let is_critical = |change: &Transition| change.finding(&OrgId::new(ORG)).severity == Severity::Critical;
    assert!(transitions.iter().all(is_critical));
    assert_eq!(transitions.len(), 2);
    let states = scene.board.states();
    assert!(states.iter().all(|state| state.status == Status::Blind) && states.len() == 2, "{states:?}");

    // Connected: the org does not have one kind, and the other one has not answered yet.
    scene.board.led(LIST, Some(Channel::Stream), at(16));
    scene.board.led(LOGIN, None, at(16));
    assert_eq!(scene.publish(17).iter().map(Transition::kind).collect::<Vec<_>>(), [LOGIN]);
    scene.hear(18, &[LIST]);
    assert_eq!(scene.publish(19).iter().map(Transition::kind).collect::<Vec<_>>(), [LIST]);
}

#[test]
fn only_a_kind_that_the_org_once_had_goes_blind_when_no_channel_has_it() {
    let mut scene = Scene::streaming();
    scene.board.led(Kind::ApiAnomaly, None, at(1));
    scene.board.missing(Channel::Stream, Kind::ApiAnomaly, "there is no topic".into(), at(1));
    assert_eq!(scene.summaries(2), [""; 0]);
    scene.board.led(LIST, None, at(1));
    assert_eq!(scene.summaries(3), ["no list view events since 12:00 UTC: no channel of this org has them anymore"]);
    let expect = [(LIST, Status::Blind), (LOGIN, Status::Leading), (Kind::ApiAnomaly, Status::Missing)];
    assert_eq!(scene.statuses(), expect.map(|(kind, status)| (kind, Channel::Stream, status)));
}

#[test]
fn a_kind_that_is_turned_off_during_a_restart_goes_blind() {
    let states = Scene::streaming().board.states();
    let plan = |board: &mut Board, now| {
        board.led(LIST, None, now);
        board.led(LOGIN, Some(Channel::Stored), now);
    };
    let mut before = Scene::new();
    before.board.expect([LIST, LOGIN]);
    before.board.restore(states.clone(), START);
    assert_eq!(before.summaries(1), [""; 0]);
    plan(&mut before.board, at(2));
    let mut after = Scene::new();
    after.board.expect([LIST, LOGIN]);
    plan(&mut after.board, START);
    after.board.restore(states, START);
    let gone = ["no list view events since 12:00 UTC: no channel of this org has them anymore"];
    assert_eq!([before.summaries(3), after.summaries(3)], [gone, gone]);
}

#[test]
fn blindness_outlives_a_restart() {
    let mut scene = Scene::streaming();
    let before = scene.publish(15).remove(0);
    let states = scene.board.states();

    let mut again = Scene::new();
    again.board.restore(states, START);
    assert_eq!(again.statuses(), [], "no channel has answered yet");
    again.board.led(LIST, Some(Channel::Stored), START);
    let kinds: Vec<Kind> = again.publish(1).iter().map(Transition::kind).collect();
    assert_eq!(kinds, [LOGIN], "one is no longer read, the other has not answered yet");
    again.board.heard(Channel::Stored, &[LIST], noon(20), at(2));
    let after = again.publish(3);
    let (first, second) = (before.finding(&OrgId::new(ORG)), after[0].finding(&OrgId::new(ORG)));
    assert_eq!((first.finding_id, first.revision), (second.finding_id, 1));
    assert_eq!((second.revision, second.score), (2, first.score));
    let expect = [
        (LIST, Channel::Stream, Status::Off),
        (LIST, Channel::Stored, Status::Leading),
        (LOGIN, Channel::Stream, Status::Off),
    ];
    assert_eq!(again.statuses(), expect);
}

#[test]
fn the_last_kind_to_go_blind_is_critical() {
    let mut scene = Scene::streaming();
    scene.hear(5, &[LOGIN]);
    let (first, second) = (scene.publish(15).remove(0), scene.publish(20).remove(0));
    let findings = [first, second].map(|transition| transition.finding(&OrgId::new(ORG)));
    let severities = findings.each_ref().map(|finding| (finding.severity, finding.score));
    assert_eq!(severities, [(Severity::High, 6.0), (Severity::Critical, 8.0)]);
    for finding in findings {
        assert_eq!(Finding::decode(&finding.encode()).unwrap(), finding);
    }
}

#[test]
fn a_summary_names_another_day() {
    let (kind, channel, since) = (Kind::Api, Channel::LogFile, noon(0));
    let blindness = Blindness { kind, channel, since, noticed: noon(HOUR), reason: Reason::Silent, whole: false };
    let noticed = Timestamp(NOON + DAY);
    let transition = Transition::Blind(Blindness { noticed, ..blindness });
    let expect = "no API events since 2026-03-02 12:00 UTC: the list of log files gets no answer";
    assert_eq!(transition.summary(), expect);
}

proptest! {
    #[test]
    fn transitions_alternate_and_time_never_goes_back(
        steps in prop::collection::vec((0u64..20, 0usize..6, prop::bool::ANY, -30i64..30), 0..60),
    ) {
        let (mut scene, mut minute) = (Scene::new(), 0);
        let mut blind: BTreeMap<Kind, bool> = BTreeMap::new();
        let mut heard = BTreeMap::new();
        for (pause, step, is_list, skew) in steps {
            minute += pause;
            let (kind, now) = (if is_list { LIST } else { LOGIN }, at(minute));
            match step {
                0 => scene.board.led(kind, Some(Channel::Stream), now),
                1 => scene.board.led(kind, None, now),
                2 => scene.board.heard(Channel::Stream, &[kind], noon(minute as i64 + skew), now),
                3 => scene.board.failed(Channel::Stream, &[kind], "away", now),
                4 => scene.board.gaps(vec![gap(kind, -skew.abs(), minute as i64)]),
                _ => scene.board.gaps(Vec::new()),
            }
            for transition in scene.publish(minute) {
                let is_blind = matches!(transition, Transition::Blind(_));
                prop_assert_ne!(blind.insert(transition.kind(), is_blind).unwrap_or(false), is_blind);
            }
            prop_assert_eq!(scene.publish(minute), []);
            for state in scene.board.states() {
                let before = heard.insert(state.kind, state.last_heard_at).flatten();
                prop_assert!(state.last_heard_at >= before);
            }
        }
    }
}
