//! The pages of detectors, decisions, sources, letters, settings, the audit trail and access, over a real Postgres.

use crate::support::{Answer, Console, OTHER, OURS, decision};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use bus::{Bus, DetectorGroup, Topology, dead};
use console::Settings;
use model::{OrgId, Ruling, UserId, Uuid};
use secrecy::{ExposeSecret, SecretString};
use servers::Nats;
use store::Role;

impl Console {
    /// Sends a form of a page.
    async fn post(&self, token: &SecretString, path: &str, form: &str) -> Answer {
        let request = Request::builder().method("POST").uri(path);
        let request = request.header("authorization", format!("Bearer {}", token.expose_secret()));
        let request = request.header("sec-fetch-site", "same-origin");
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        self.answer(request.body(Body::from(form.to_owned())).unwrap()).await
    }
}

fn location(answer: &Answer) -> &str {
    answer.headers.get("location").map_or("", |location| location.to_str().unwrap())
}

/// Returns the part of a page that is its own.
fn main(answer: &Answer) -> &str {
    let (_, main) = answer.text.split_once("<main").unwrap_or_else(|| panic!("no page: {}", answer.text));
    main.split_once("</main>").unwrap().0
}

#[tokio::test]
async fn each_page_is_for_those_who_may_see_it() {
    let console = Console::start().await;
    let administrator = console.token(&[("*", Role::Administrator)]).await;
    let of_one = console.token(&[(OURS, Role::Administrator)]).await;
    let viewer = console.token(&[(OURS, Role::Viewer)]).await;
    let detector = format!("/detectors/{OURS}/row_spike");
    let (all, some, none) = ([200, 200, 200], [200, 200, 403], [503, 403, 403]);
    for (path, heading, expect) in [
        ("/detectors", "<h1>Detectors", all),
        (detector.as_str(), "<h1>row spike", all),
        ("/decisions", "<h1>Decisions", all),
        ("/sources", "<h1>Sources", all),
        ("/settings", "<h1>Settings", all),
        ("/audit", "<h1>Audit trail", some),
        ("/sessions", "<h1>Access", all),
        // There is no NATS.
        ("/letters", "", none),
        ("/letters/1", "", none),
        ("/letters/1/replay", "", none),
    ] {
        for (token, expect) in [&administrator, &of_one, &viewer].into_iter().zip(expect) {
            let answer = console.get(token, path).await;
            assert_eq!(answer.status.as_u16(), expect, "{path}: {}", answer.text);
            assert!(answer.status != StatusCode::OK || main(&answer).contains(heading), "{path}: {}", answer.text);
            assert!(!answer.text.contains("style="), "{path} has inline style");
        }
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let answer = console.answer(request).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}");
        assert!(location(&answer).starts_with("/sign-in?return_to=%2F"), "{path}: {}", location(&answer));
    }
    for path in ["/detectors", "/decisions", "/sources", "/settings"] {
        let answer = console.get(&of_one, &format!("{path}?org={OTHER}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        let answer = console.get(&administrator, &format!("{path}?org={OTHER}")).await;
        assert!(main(&answer).contains(OTHER), "{path}");
        let own = console.get(&of_one, path).await;
        assert!(!own.text.contains(OTHER), "{path} names the other org");
    }
    let answer = console.get(&viewer, &format!("/detectors/{OURS}/none")).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    let answer = console.get(&viewer, &format!("/detectors/{OTHER}/row_spike")).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_decision_is_listed_ended_and_taken_back() {
    let console = Console::start().await;
    let analyst = console.token(&[(OURS, Role::Analyst)]).await;
    let scope = model::decision::Scope { objects: ["<b>Contact".into()].into(), ..Default::default() };
    let user = Some(UserId::new("005hn00000emma1AAA"));
    let ruling = Ruling::Suppression { scope, incident_id: None };
    let id = console.owner.record(&decision(0x700, &OrgId::new(OURS), user, ruling)).await.unwrap().decision_id;
    let page = console.get(&analyst, "/decisions?kind=suppression").await;
    let text = main(&page);
    assert!(text.contains("hide findings with objects &#60;b&#62;Contact"), "{text}");
    assert!(!text.contains("called") && text.contains("in force"), "{text}");
    let back = "return_to=%2Fdecisions%3Fkind%3Dsuppression";
    let path = format!("/decide?kind=undone&#38;decision={id}&#38;{back}");
    assert!(text.contains(&path), "{path}: {text}");
    // Those of all accounts are for responders, settings for administrators.
    let settings = console.get(&analyst, "/decisions?kind=settings").await;
    assert!(main(&settings).contains("settings of the org") && !main(&settings).contains("/decide"));
    assert_eq!(console.get(&analyst, "/decisions?kind=none").await.status, StatusCode::BAD_REQUEST);
    let none = console.get(&analyst, "/decisions?kind=watch").await;
    assert!(main(&none).contains("No decision is like this."));

    let asking = console.get(&analyst, &path.replace("&#38;", "&")).await;
    assert!(main(&asking).contains("hide findings with objects"), "{}", asking.text);
    let form = format!("kind=ended&decision={id}&reason=over&{back}");
    let answer = console.post(&analyst, "/decide", &form).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
    assert_eq!(location(&answer), "/decisions?kind=suppression");
    let listed = console.get(&analyst, "/decisions?kind=suppression").await;
    assert!(main(&listed).contains(">ended<"), "{}", main(&listed));
    assert!(!main(&listed).contains(&path), "an ended decision is not taken back");
    let ending = console.get(&analyst, "/decisions?kind=ended").await;
    assert!(main(&ending).contains("an earlier decision ended"), "{}", main(&ending));
}

#[tokio::test]
async fn settings_are_edited_previewed_and_recorded() {
    let console = Console::start().await;
    let administrator = console.token(&[(OURS, Role::Administrator)]).await;
    let viewer = console.token(&[(OURS, Role::Viewer)]).await;
    let page = console.get(&administrator, "/settings").await;
    assert!(main(&page).contains("raise_at = 2.0") && main(&page).contains("<textarea"), "{}", main(&page));
    assert!(!main(&console.get(&viewer, "/settings").await).contains("<textarea"));
    let edit = format!("/settings?org={OURS}");
    for (toml, expect) in [
        ("%5Bdetect%5D%0D%0Araise_att%20%3D%203.5", "unknown field"),
        ("%5Bdetect%5D%0Araise_at%20%3D%202.0", "nothing changes"),
    ] {
        let refused = console.post(&administrator, &edit, &format!("toml={toml}")).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(main(&refused).contains(expect) && main(&refused).contains("aria-invalid"), "{}", main(&refused));
    }
    // No text is too long for a form.
    let long = format!("toml=%23{}%0A%5Bdetect%5D%0Araise_at%20%3D%203.5", "x".repeat(20_000));
    let asking = console.post(&administrator, &edit, &long).await;
    assert!(main(&asking).contains("detect.raise_at"), "{}", main(&asking));
    let asking = console.post(&administrator, &edit, "toml=%5Bdetect%5D%0Araise_at%20%3D%203.5").await;
    assert!(main(&asking).contains("detect.raise_at") && main(&asking).contains("3.5"), "{}", main(&asking));
    // A threshold changes nothing of what is stored.
    assert!(main(&asking).contains("no incident of the last 30 days would change"), "{}", main(&asking));
    let tag = main(&asking).split_once(r#"name="tag" value=""#).unwrap().1;
    let tag = tag.split_once("\">").unwrap().0.replace("&#34;", "%22");
    let form = format!("kind=settings&org={OURS}&toml=%5Bdetect%5D%0Araise_at%20%3D%203.5&reason=fewer&tag={tag}");
    let forbidden = console.post(&viewer, "/decide", &form).await;
    assert_eq!(forbidden.status, StatusCode::FORBIDDEN, "{}", forbidden.text);
    let answer = console.post(&administrator, "/decide", &form).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
    let late = form.replace("3.5", "4.5");
    let answer = console.post(&administrator, "/decide", &late).await;
    assert_eq!(answer.status, StatusCode::PRECONDITION_FAILED, "decided on settings of before: {}", answer.text);
    // What was filled in is still there, and leads to what would follow now.
    let (text, kept) = (main(&answer), "name=\"toml\" value=\"[detect]\nraise_at = 4.5\"");
    assert!(text.contains(r#"action="/decide/preview""#) && text.contains(">fewer</textarea>"), "{text}");
    assert!(text.contains(kept) && !text.contains(r#"name="tag""#), "{text}");
    let page = console.get(&administrator, "/settings").await;
    let (text, change) = (main(&page), "<del><code>2.0</code></del> → <ins><code>3.5</code></ins>");
    assert!(text.contains(change) && text.contains("Waiting:") && text.contains("kind=undone"), "{text}");
    assert!(!main(&console.get(&viewer, "/settings").await).contains("kind=undone"));
}

#[tokio::test]
async fn a_threshold_is_tried_and_adopted() {
    let console = Console::start().await;
    let administrator = console.token(&[(OURS, Role::Administrator)]).await;
    let viewer = console.token(&[(OURS, Role::Viewer)]).await;
    let path = format!("/detectors/{OURS}/row_spike");
    let page = console.get(&administrator, &path).await;
    for part in
        ["More rows in a day", "What to do next:", "a surprise of 2", "Nobody has judged", "Innocent look-alikes"]
    {
        assert!(main(&page).contains(part), "{part}: {}", main(&page));
    }
    let tried = console.get(&administrator, &format!("{path}?least=3.5")).await;
    let adopt = "/decide?kind=settings&#38;org=00Dhn0000018hrcMAU&#38;toml=%5Bdetect.detectors.row_spike%5D%0Araise_at+%3D+3.5%0A";
    assert!(main(&tried).contains(adopt), "{}", main(&tried));
    let asking = console.get(&administrator, &adopt.replace("&#38;", "&")).await;
    assert!(main(&asking).contains("detect.detectors.row_spike.raise_at"), "{}", main(&asking));
    let same = console.get(&administrator, &format!("{path}?least=2")).await;
    assert!(!main(&same).contains("/decide"), "it is the threshold in force");
    let of_viewer = console.get(&viewer, &format!("{path}?least=3.5")).await;
    assert!(!main(&of_viewer).contains("/decide"), "{}", of_viewer.text);
    assert_eq!(console.get(&administrator, &format!("{path}?least=0")).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_token_is_made_shown_once_and_ended() {
    let console = Console::start().await;
    let administrator = console.token(&[(OURS, Role::Administrator)]).await;
    let page = console.get(&administrator, "/sessions").await;
    assert!(main(&page).contains(&format!("name=\"role.{OURS}\"")) && !main(&page).contains("role.*"));
    let made = console.post(&administrator, "/sessions", &format!("name=soar&days=30&role.{OURS}=viewer")).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    assert_eq!(made.headers["cache-control"], "no-store");
    let secret = main(&made).split_once("<code class=\"secret\">").unwrap().1.split_once('<').unwrap().0.to_owned();
    let token = SecretString::from(secret.as_str());
    let session = console.get(&token, "/v1/session").await.json();
    assert_eq!((&session["name"], &session["roles"][OURS]), (&"soar".into(), &"viewer".into()));
    assert!(!console.get(&administrator, "/sessions").await.text.contains(&secret));

    for (form, expect) in [("name=soar&days=30", "at least one org"), ("name=soar&days=0&role.x=viewer", "1 to 366")] {
        let refused = console.post(&administrator, "/sessions", form).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.text);
        assert!(main(&refused).contains(expect) && main(&refused).contains("value=\"soar\""), "{}", main(&refused));
    }
    let all = console.post(&administrator, "/sessions", "name=soar&days=30&role.*=viewer").await;
    assert_eq!(all.status, StatusCode::FORBIDDEN, "{}", all.text);
    let of_viewer = console.post(&token, "/sessions", &format!("name=x&days=1&role.{OURS}=viewer")).await;
    assert_eq!(of_viewer.status, StatusCode::FORBIDDEN, "{}", of_viewer.text);

    let path = format!("/sessions/{}/end", session["session_id"].as_str().unwrap());
    let asking = console.get(&administrator, &path).await;
    assert!(main(&asking).contains("End this token?") && main(&asking).contains("soar"), "{}", main(&asking));
    assert!(main(&console.get(&token, &path).await).contains("End your own token?"));
    let ended = console.post(&administrator, &path, "").await;
    assert_eq!((ended.status, location(&ended)), (StatusCode::SEE_OTHER, "/sessions?ended=yes"));
    assert_eq!(console.get(&token, "/v1/session").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(console.get(&administrator, &path).await.status, StatusCode::NOT_FOUND);
    let trail = console.get(&administrator, "/audit").await;
    assert!(main(&trail).contains("token made") && main(&trail).contains("session ended"), "{}", main(&trail));
}

#[tokio::test]
async fn sources_say_what_is_blind_and_what_is_missed() {
    let links = console::Links { dashboard: Some("https://grafana.example.com/d/1".into()), ..Default::default() };
    let console = Console::with(Settings { links, ..Settings::default() }).await;
    let viewer = console.token(&[(OURS, Role::Viewer)]).await;
    let blind = store::SourceState {
        source: "stored".into(),
        kind: "list_view".into(),
        state: "blind".into(),
        last_event_at: None,
        last_heard_at: None,
        detail: Some("<script>: ask for the license".into()),
    };
    console.owner.put_source_states(&OrgId::new(OURS), &[blind]).await.unwrap();
    let page = console.get(&viewer, "/sources").await;
    let text = main(&page);
    for part in [
        "<b>list view</b> (stored) is blind: <bdi>&#60;script&#62;: ask for the license</bdi>",
        "1 blind",
        "1 leading",
        "no event yet",
        "<bdi>lost</bdi>",
        "2026-03-02T14:31:52.867Z",
        env!("CARGO_PKG_VERSION"),
        "https://grafana.example.com/d/1",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains(OTHER));
}

#[tokio::test]
async fn dead_letters_are_read_and_replayed() {
    let nats = Nats::start().await.unwrap();
    let settings = bus::Settings { servers: vec![nats.url()], ..bus::Settings::default() };
    let bus = Bus::connect("test", &settings).await.unwrap();
    let group = DetectorGroup { name: "all".to_owned(), families: vec!["volume".to_owned()] };
    Topology::new(&settings, &[group]).apply(&bus).await.unwrap();
    dead::put_record(&bus, "ingest", "00D000000000001/logs/1", "a,<b>", "a row has too few columns").await;
    dead::put(&bus, "baseline", "orgwatch.v1.activity.3", "", b"{}".as_slice(), "undecodable").await;
    let console = Console::start().await.with_bus(bus);
    let token = console.token(&[("*", Role::Administrator)]).await;
    let page = console.get(&token, "/letters").await;
    assert!(main(&page).contains("a row has too few columns"), "{}", main(&page));
    // A record was never in a stream.
    assert!(!main(&page).contains("/letters/1/replay") && main(&page).contains("/letters/2/replay"));
    let of_stage = console.get(&token, "/letters?stage=baseline").await;
    assert!(!main(&of_stage).contains("/letters/1\"") && main(&of_stage).contains("/letters/2\""));
    let record = console.get(&token, "/letters/1").await;
    assert!(main(&record).contains(">a,&#60;b&#62;</pre>"), "{}", main(&record));
    let asking = console.get(&token, "/letters/2/replay").await;
    assert!(main(&asking).contains("Replay letter 2?") && main(&asking).contains("action=\"/letters/2/replay\""));
    let answer = console.post(&token, "/letters/2/replay", "").await;
    assert_eq!((answer.status, location(&answer)), (StatusCode::SEE_OTHER, "/letters?replayed=2"), "{}", answer.text);
    let page = console.get(&token, location(&answer)).await;
    assert!(main(&page).contains("Letter 2 was published again") && !main(&page).contains("/letters/2\""));
    assert_eq!(console.post(&token, "/letters/2/replay", "").await.status, StatusCode::NOT_FOUND);
    assert_eq!(console.post(&token, "/letters/1/replay", "").await.status, StatusCode::CONFLICT);
    let of_one = console.token(&[(OURS, Role::Administrator)]).await;
    assert_eq!(console.post(&of_one, "/letters/1/replay", "").await.status, StatusCode::FORBIDDEN);
    let none = Uuid::nil();
    assert_eq!(console.post(&of_one, &format!("/sessions/{none}/end"), "").await.status, StatusCode::NOT_FOUND);
}
