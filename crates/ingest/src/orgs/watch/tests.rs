use super::blind::{Blindness, Reason};
use super::*;
use crate::testing::{Memory, Noted, ORG, sink};
use model::codec::Message;
use model::time::{DAY, HOUR, MINUTE};
use model::{Finding, Severity, Uuid};
use proptest::prelude::*;

const NOON: i64 = 1_772_452_800_000;
const FIFTEEN: Duration = Duration::from_secs(900);
const LIST: Kind = Kind::ListView;
const LOGIN: Kind = Kind::Login;

/// A board whose org says that it was noon when it began.
struct Scene {
    board: Board,
    begun: Instant,
}

impl Scene {
    fn new() -> Self {
        let begun = Instant::now();
        Self { board: Board::new(begun, Timestamp(NOON)), begun }
    }

    /// Streams lead for both kinds, and are heard at noon.
    fn streaming() -> Self {
        let mut scene = Self::new();
        for kind in [LIST, LOGIN] {
            scene.board.led(kind, Some(Origin::Stream), scene.begun);
        }
        scene.hear(0, &[LIST, LOGIN]);
        scene
    }

    fn at(&self, minute: u64) -> Instant {
        self.begun + Duration::from_secs(60 * minute)
    }

    fn hear(&mut self, minute: u64, kinds: &[Kind]) {
        let at = self.at(minute);
        self.board.heard(Origin::Stream, kinds, noon(minute as i64), at);
    }

    /// What is told at that minute.
    fn tell(&mut self, minute: u64) -> Vec<Turn> {
        let now = self.at(minute);
        let turns = self.board.turns(now, |_| FIFTEEN);
        turns.iter().for_each(|turn| self.board.told(turn.clone(), now));
        turns
    }

    fn summaries(&mut self, minute: u64) -> Vec<String> {
        self.tell(minute).iter().map(Turn::summary).collect()
    }

    fn words(&self) -> Vec<(String, String, String)> {
        let states = self.board.states().into_iter();
        states.map(|state| (state.kind, state.source, state.state)).collect()
    }
}

fn noon(minute: i64) -> Timestamp {
    Timestamp(NOON + minute * MINUTE)
}

fn gap(kind: Kind, from: i64, to: i64) -> Gap {
    let (source, reason) = ("stream".to_owned(), "the position in the stream has expired".to_owned());
    let (from, to) = (noon(from), noon(to));
    Gap { id: Uuid::nil(), org_id: OrgId::new(ORG), source, kind: kind.as_str().into(), from, to, reason, note: None }
}

#[test]
fn silence_is_told_once_and_so_is_its_end() {
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
fn what_went_wrong_is_told_and_a_moment_is_not() {
    let mut scene = Scene::streaming();
    let at = scene.at(5);
    scene.board.failed(Origin::Stream, &[LIST, LOGIN], "subscribe: PERMISSION_DENIED:\n no", at);
    scene.hear(6, &[LOGIN]);
    assert_eq!(scene.summaries(15), ["no list view events since 12:00 UTC: subscribe: PERMISSION_DENIED: no"]);
    let detail = scene.board.states().into_iter().find(|state| state.state == "blind").and_then(|state| state.detail);
    assert_eq!(
        detail.unwrap(),
        "subscribe: PERMISSION_DENIED: no; put right what it names: it is asked again without end"
    );
}

#[test]
fn only_the_leading_source_is_missed_and_each_has_its_patience() {
    let mut scene = Scene::streaming();
    let begun = scene.begun;
    scene.board.heard(Origin::Stored, &[LIST], noon(0), begun);
    scene.hear(60, &[LIST, LOGIN]);
    assert_eq!(scene.summaries(61), [""; 0]);
    // Another one leads: its first answer is due from then on.
    let at = scene.at(61);
    scene.board.led(LIST, Some(Origin::Stored), at);
    scene.hear(70, &[LIST, LOGIN]);
    assert_eq!(scene.summaries(75), [""; 0]);
    assert_eq!(
        scene.board.turns(scene.at(76), |origin| if origin == Origin::Stored { FIFTEEN * 3 } else { FIFTEEN }),
        []
    );
    assert_eq!(scene.summaries(76), ["no list view events since 12:00 UTC: the store of events is silent"]);
    let settings = ConnectedOrg::default();
    let seconds = |origin| patience(&settings, origin).as_secs();
    assert_eq!([Origin::Stream, Origin::Stored, Origin::LogFiles].map(seconds), [900, 900, 2_700]);
}

#[test]
fn a_gap_is_blindness_until_it_is_filled() {
    let mut scene = Scene::streaming();
    scene.board.gaps(vec![gap(LIST, -120, -5), gap(LOGIN, -3_000, -1_500)]);
    let blind = ["list view events are missing from 10:00 to 11:55 UTC: the position in the stream has expired"];
    assert_eq!(scene.summaries(1), blind, "what was missed over a day ago says nothing of today");
    scene.hear(2, &[LIST, LOGIN]);
    assert_eq!(scene.summaries(3), [""; 0]);
    scene.board.gaps(Vec::new());
    let sighted = ["list view events were missing from 10:00 to 11:55 UTC: the position in the stream has expired"];
    assert_eq!(scene.summaries(4), sighted);
}

#[test]
fn an_org_that_was_never_reached_is_blind_as_a_whole() {
    let mut scene = Scene::new();
    scene.board.expect([LIST, LOGIN]);
    scene.board.unreachable("it is org 00D000000000001EAA, and should be another");
    assert_eq!(scene.tell(14), []);
    let turns = scene.tell(15);
    assert!(turns.iter().all(|turn| turn.finding(&OrgId::new(ORG)).severity == Severity::Critical));
    assert_eq!(turns.len(), 2);
    let states = scene.board.states();
    assert!(states.iter().all(|state| state.state == "blind") && states.len() == 2, "{states:?}");

    // Connected: one kind there is not, the other is still to be heard.
    let at = scene.at(16);
    scene.board.led(LIST, Some(Origin::Stream), at);
    scene.board.led(LOGIN, None, at);
    assert_eq!(scene.tell(17).iter().map(Turn::kind).collect::<Vec<_>>(), [LOGIN]);
    scene.hear(18, &[LIST]);
    assert_eq!(scene.tell(19).iter().map(Turn::kind).collect::<Vec<_>>(), [LIST]);
}

#[test]
fn a_kind_that_an_org_never_had_is_missing_and_one_that_it_had_is_missed() {
    let mut scene = Scene::streaming();
    let at = scene.at(1);
    scene.board.led(Kind::ApiAnomaly, None, at);
    scene.board.missing(Origin::Stream, Kind::ApiAnomaly, "there is no topic".into(), at);
    assert_eq!(scene.summaries(2), [""; 0]);
    scene.board.led(LIST, None, at);
    assert_eq!(scene.summaries(3), ["no list view events since 12:00 UTC: no source of this org has them any more"]);
    let expect = [("list_view", "blind"), ("login", "leading"), ("api_anomaly", "missing")];
    let expect = expect.map(|(kind, word)| (kind.to_owned(), "stream".to_owned(), word.to_owned()));
    assert_eq!(scene.words(), expect);
}

#[test]
fn a_kind_that_is_turned_off_while_nobody_reads_is_missed() {
    let states = Scene::streaming().board.states();
    let plan = |board: &mut Board, now| {
        board.led(LIST, None, now);
        board.led(LOGIN, Some(Origin::Stored), now);
    };
    let mut before = Scene::new();
    before.board.expect([LIST, LOGIN]);
    before.board.restore(states.clone(), before.begun);
    assert_eq!(before.summaries(1), [""; 0]);
    let at = before.at(2);
    plan(&mut before.board, at);
    let mut after = Scene::new();
    after.board.expect([LIST, LOGIN]);
    plan(&mut after.board, after.begun);
    after.board.restore(states, after.begun);
    let gone = ["no list view events since 12:00 UTC: no source of this org has them any more"];
    assert_eq!([before.summaries(3), after.summaries(3)], [gone, gone]);
}

#[test]
fn blindness_outlives_a_restart() {
    let mut scene = Scene::streaming();
    let turn = scene.tell(15).remove(0);
    let states = scene.board.states();

    let mut again = Scene::new();
    again.board.restore(states, again.begun);
    assert_eq!(again.words(), [], "nothing is known yet");
    again.board.led(LIST, Some(Origin::Stored), again.begun);
    let kinds: Vec<Kind> = again.tell(1).iter().map(Turn::kind).collect();
    assert_eq!(kinds, [LOGIN], "one is not read any more, the other has not answered yet");
    again.board.heard(Origin::Stored, &[LIST], noon(20), again.at(2));
    let turns = again.tell(3);
    let (first, second) = (turn.finding(&OrgId::new(ORG)), turns[0].finding(&OrgId::new(ORG)));
    assert_eq!((first.finding_id, first.revision), (second.finding_id, 1));
    assert_eq!((second.revision, second.score), (2, first.score));
    let expect = [("list_view", "stream", "off"), ("list_view", "stored", "leading"), ("login", "stream", "off")];
    let expect = expect.map(|(kind, source, word)| (kind.to_owned(), source.to_owned(), word.to_owned()));
    assert_eq!(again.words(), expect);
}

#[test]
fn the_last_kind_to_go_makes_it_critical() {
    let mut scene = Scene::streaming();
    scene.hear(5, &[LOGIN]);
    let (first, second) = (scene.tell(15).remove(0), scene.tell(20).remove(0));
    let findings = [first, second].map(|turn| turn.finding(&OrgId::new(ORG)));
    let said = findings.each_ref().map(|finding| (finding.severity, finding.score));
    assert_eq!(said, [(Severity::High, 6.0), (Severity::Critical, 8.0)]);
    for finding in findings {
        assert_eq!(Finding::decode(&finding.encode()).unwrap(), finding);
    }
}

#[test]
fn summaries_name_another_day() {
    let (kind, source, since) = (Kind::Api, Origin::LogFiles, noon(0));
    let blindness = Blindness { kind, source, since, noticed: noon(HOUR), reason: Reason::Silent, whole: false };
    let noticed = Timestamp(NOON + DAY);
    let turn = Turn::Blind(Blindness { noticed, ..blindness });
    assert_eq!(turn.summary(), "no API events since 2026-03-02 12:00 UTC: the list of log files is silent");
}

proptest! {
    #[test]
    fn turns_alternate_and_time_never_goes_back(
        steps in prop::collection::vec((0u64..20, 0usize..6, prop::bool::ANY, -30i64..30), 0..60),
    ) {
        let (mut scene, mut minute) = (Scene::new(), 0);
        let mut blind: BTreeMap<Kind, bool> = BTreeMap::new();
        let mut heard = BTreeMap::new();
        for (pause, step, is_list, skew) in steps {
            minute += pause;
            let (kind, now) = (if is_list { LIST } else { LOGIN }, scene.at(minute));
            match step {
                0 => scene.board.led(kind, Some(Origin::Stream), now),
                1 => scene.board.led(kind, None, now),
                2 => scene.board.heard(Origin::Stream, &[kind], noon(minute as i64 + skew), now),
                3 => scene.board.failed(Origin::Stream, &[kind], "away", now),
                4 => scene.board.gaps(vec![gap(kind, -skew.abs(), minute as i64)]),
                _ => scene.board.gaps(Vec::new()),
            }
            for turn in scene.tell(minute) {
                let is_blind = matches!(turn, Turn::Blind(_));
                prop_assert_ne!(blind.insert(turn.kind(), is_blind).unwrap_or(false), is_blind);
            }
            prop_assert_eq!(scene.tell(minute), []);
            for state in scene.board.states() {
                let before = heard.insert(state.kind, state.last_heard_at).flatten();
                prop_assert!(state.last_heard_at >= before);
            }
        }
    }
}

fn word(noted: &Noted, kind: Kind) -> Option<String> {
    let states = noted.states.lock().unwrap();
    let state = states.iter().find(|state| state.kind == kind.as_str() && state.source == "stream");
    state.map(|state| state.state.clone())
}

fn told(noted: &Noted) -> Vec<(u64, String)> {
    noted.findings.lock().unwrap().iter().map(|finding| (finding.revision, finding.finding_id.to_string())).collect()
}

fn start(noted: &Arc<Noted>, memory: &Arc<Memory>) -> (Watch, CancellationToken, tokio::task::JoinHandle<()>) {
    let watch = Watch::new(OrgId::new(ORG), Arc::clone(noted) as Arc<dyn Coverage>);
    let settings = ConnectedOrg { kinds: Some(vec![LIST]), ..ConnectedOrg::default() };
    let voice =
        Voice { sink: sink(memory), findings: Arc::clone(noted) as Arc<dyn Findings>, settings: settings.into() };
    let shutdown = CancellationToken::new();
    let running = watch.clone().run(voice, PERIOD, shutdown.clone());
    (watch, shutdown, tokio::spawn(async move { running.await.unwrap() }))
}

#[tokio::test(start_paused = true)]
async fn blindness_is_ordered_found_and_noted_also_over_a_restart() {
    let (noted, memory) = (Arc::new(Noted::default()), Arc::new(Memory::default()));
    let (watch, shutdown, running) = start(&noted, &memory);
    watch.led(LIST, Some(Origin::Stream));
    watch.heard(Origin::Stream, &[LIST], noon(0));
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(word(&noted, LIST).as_deref(), Some("leading"));
    noted.is_away.store(true, Ordering::Relaxed);
    tokio::time::sleep(FIFTEEN).await;
    // Three partitions have users of the org.
    assert_eq!(memory.texts(), vec![format!("{ORG} blind to list_view"); 3]);
    assert_eq!(word(&noted, LIST).as_deref(), Some("leading"), "not noted yet");
    noted.is_away.store(false, Ordering::Relaxed);
    tokio::time::sleep(PERIOD).await;
    assert_eq!(word(&noted, LIST).as_deref(), Some("blind"));
    shutdown.cancel();
    running.await.unwrap();

    let (watch, shutdown, running) = start(&noted, &memory);
    tokio::time::sleep(FIFTEEN * 2).await;
    assert_eq!(told(&noted).len(), 1);
    watch.led(LIST, Some(Origin::Stream));
    watch.heard(Origin::Stream, &[LIST], noon(20));
    tokio::time::sleep(PERIOD).await;
    let expect = [(1, told(&noted)[0].1.clone()), (2, told(&noted)[0].1.clone())];
    assert_eq!(told(&noted), expect);
    assert_eq!(memory.texts()[3..], vec![format!("{ORG} sees list_view"); 3]);

    let missed =
        NewGap { source: "stream".into(), kind: "list_view".into(), from: noon(0), to: noon(9), reason: String::new() };
    watch.missed(missed).await.unwrap();
    tokio::time::sleep(PERIOD).await;
    watch.filled(&noted.all_gaps()[0], "0 events").await.unwrap();
    watch.heard(Origin::Stream, &[LIST], noon(21));
    tokio::time::sleep(PERIOD).await;
    assert_eq!(told(&noted).iter().map(|(revision, _)| *revision).collect::<Vec<_>>(), [1, 2, 1, 2]);
    shutdown.cancel();
    running.await.unwrap();
    assert_eq!(word(&noted, LIST).as_deref(), Some("leading"));
}
