//! The orchestrator's API, against a server that answers as Bacalhau does.

use jiff::Timestamp;
use serde_json::json;
use spot_tui::bacalhau::{
    BacalhauError, Connection, Constraint, JobType, Membership, Orchestrator as Client,
};
use spot_tui::fleet::{Secret, Step};

use crate::support::orchestrator::{Orchestrator, Submitted};

fn client(orchestrator: &Orchestrator, key: Option<&str>) -> Client {
    Client::new(&orchestrator.url(), key.map(Secret::new)).unwrap()
}

#[tokio::test]
async fn one_call_lists_all_nodes() {
    let orchestrator = Orchestrator::start();
    orchestrator.register("i-0a1", "CONNECTED");
    orchestrator.register("i-0a2", "DISCONNECTED");
    orchestrator.register("n-other-team", "CONNECTED");
    orchestrator.decide("n-other-team", "PENDING");

    let nodes = client(&orchestrator, None).nodes().await.unwrap();
    let seen: Vec<_> = nodes.iter().map(|node| (node.id.as_str(), node.is_working())).collect();
    assert_eq!(seen, [("i-0a1", true), ("i-0a2", false), ("n-other-team", false)]);
    assert_eq!(nodes[1].connection, Connection::Disconnected);
    assert_eq!(nodes[2].membership, Membership::Pending);
    assert_eq!(nodes[0].labels["instance-id"], "i-0a1");
    assert!(nodes[0].last_heartbeat.is_some());
    assert_eq!(orchestrator.asked().len(), 1);
}

#[tokio::test]
async fn a_node_is_deleted_by_its_full_id_and_no_other() {
    let orchestrator = Orchestrator::start();
    for id in ["i-0a1", "i-0a2", "n-other"] {
        orchestrator.register(id, "DISCONNECTED");
    }
    let client = client(&orchestrator, None);
    client.delete("i-0a1").await.unwrap();
    assert_eq!(orchestrator.nodes(), ["i-0a2", "n-other"]);
    let asked = orchestrator.asked();
    assert_eq!(asked[0].line, "PUT /api/v1/orchestrator/nodes/i-0a1");
    let body: serde_json::Value = serde_json::from_str(&asked[0].body).unwrap();
    assert_eq!((&body["Action"], &body["NodeID"]), (&"delete".into(), &"i-0a1".into()));

    client.delete("i-0a1").await.expect("what is gone is gone");
    for odd in ["", "i-0a2/../n-other", "..", "a b", "i?x"] {
        assert!(client.delete(odd).await.is_err(), "{odd:?}");
    }
    assert_eq!(orchestrator.nodes(), ["i-0a2", "n-other"]);
}

#[tokio::test]
async fn an_ambiguous_id_deletes_nothing() {
    let orchestrator = Orchestrator::start();
    orchestrator.register("i-0a1", "CONNECTED");
    orchestrator.register("i-0a2", "CONNECTED");
    let error = client(&orchestrator, None).delete("i-0a").await.unwrap_err();
    assert!(matches!(error, BacalhauError::Refused { status: 409, .. }), "{error}");
    assert_eq!(orchestrator.nodes().len(), 2);
}

#[tokio::test]
async fn the_key_is_sent_and_never_printed() {
    let orchestrator = Orchestrator::start();
    orchestrator.ask_for_key("top-secret");
    assert!(client(&orchestrator, Some("top-secret\n")).nodes().await.is_ok());

    for key in [None, Some("top-secrets"), Some("bad\u{1}key")] {
        let client = client(&orchestrator, key);
        let error = client.nodes().await.unwrap_err();
        let failure = error.failure(Step::Verify);
        assert!(failure.reason.contains("Authentication required"), "{failure}");
        assert!(failure.hint.contains("api_key_file"), "{failure}");
        assert!(!format!("{client:?} {error:?}").contains("top-secret"));
    }
}

#[tokio::test]
async fn what_goes_wrong_is_said() {
    let orchestrator = Orchestrator::start();
    let client = client(&orchestrator, None);
    for (status, body, words, retryable) in [
        (428, r#"{"Status":428,"Message":"handshake required"}"#, "handshake required", true),
        (500, "<html>\u{1b}[31moops\n</html>", "HTTP 500: <html>oops", true),
        (307, "", "HTTP 307", false),
        (200, "<html>a proxy's page</html>", "not an orchestrator's", false),
        (200, r#"{"Nodes":[{"Info":{}}]}"#, "NodeID", false),
    ] {
        orchestrator.refuse(status, body);
        let error = client.nodes().await.unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(error.is_retryable(), retryable, "{error}");
    }
    orchestrator.refuse(200, r#"{"NextToken":"","Nodes":null}"#);
    assert_eq!(client.nodes().await.unwrap(), []);
}

#[tokio::test]
async fn nobody_there_is_an_error_that_may_pass() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = Client::new(&format!("http://{closed}"), None).unwrap().nodes().await.unwrap_err();
    assert!(error.is_retryable() && error.to_string().contains("refused"), "{error}");
}

#[test]
fn only_an_api_is_an_address() {
    for wrong in ["", "host:1234", "nats://host:4222", "http://", "http://me:secret@host:1234"] {
        let error = Client::new(wrong, None).unwrap_err();
        assert!(matches!(error, BacalhauError::Address { .. }), "{wrong}: {error}");
    }
    let below = Client::new("https://gateway.example.com/bacalhau", None).unwrap();
    assert_eq!(below.api(), "https://gateway.example.com/bacalhau");
}

#[tokio::test]
async fn jobs_come_in_pages_and_say_what_runs_where() {
    let orchestrator = Orchestrator::start();
    for id in ["i-0a1", "i-0a2"] {
        orchestrator.register(id, "CONNECTED");
    }
    let at: Timestamp = "2026-11-20T09:00:00Z".parse().unwrap();
    orchestrator.with_jobs(|jobs, nodes| {
        jobs.page = 2;
        for (id, kind, count) in
            [("j-1", "batch", 6), ("j-2", "service", 1), ("j-3", "daemon", 0), ("j-4", "ops", 0)]
        {
            let constraints =
                json!([{ "Key": "region", "Operator": "=", "Values": ["us-west-2"] }]);
            let (id, cpu, takes_s) = (id.to_owned(), 800, Some(60));
            jobs.submit(Submitted { id, kind, count, cpu, at, takes_s, constraints });
        }
        jobs.step(at, nodes);
    });
    let client = client(&orchestrator, None);
    let (mut token, mut seen, mut pages) = (None, Vec::new(), 0);
    loop {
        let page = client.jobs(token.as_deref()).await.unwrap();
        seen.extend(page.jobs.into_iter().map(|job| (job.id, job.kind)));
        pages += 1;
        token = page.next;
        if token.is_none() {
            break;
        }
    }
    let kinds = [JobType::Ops, JobType::Daemon, JobType::Service, JobType::Batch];
    let wanted: Vec<_> =
        ["j-4", "j-3", "j-2", "j-1"].map(str::to_owned).into_iter().zip(kinds).collect();
    assert_eq!((seen, pages), (wanted, 2));
    let (job, placed) = client.job("j-1").await.unwrap().unwrap();
    assert_eq!((job.count, job.each.cpu, job.each.memory), (6, 0.8, 512_000_000));
    assert_eq!((job.created, job.is_over), (at, false));
    let labels = [("region".to_owned(), "us-west-2".to_owned())].into();
    assert!(job.constraints.iter().all(|it: &Constraint| it.allows(&labels)));
    // Two a node, of which one hosts two: four of six run, and the job says that it runs.
    assert_eq!((placed.partitions.len(), placed.active.values().sum::<u64>()), (4, 4));
    assert_eq!(client.job("j-9").await.unwrap(), None);
    assert!(client.job("../nodes").await.is_err());
    let nodes = client.nodes().await.unwrap();
    assert_eq!((nodes[0].capacity.cpu, nodes[0].capacity.memory), (1.6, 3_200_000_000));
}

#[tokio::test]
async fn a_node_is_fenced_and_given_back() {
    let orchestrator = Orchestrator::start();
    orchestrator.register("i-0a1", "CONNECTED");
    let client = client(&orchestrator, None);
    client.reject("i-0a1").await.unwrap();
    assert!(!client.nodes().await.unwrap()[0].is_working());
    let again = client.reject("i-0a1").await.unwrap_err();
    assert!(matches!(again, BacalhauError::Refused { status: 409, .. }), "{again}");
    client.approve("i-0a1").await.unwrap();
    assert_eq!(client.nodes().await.unwrap()[0].membership, Membership::Approved);
}
