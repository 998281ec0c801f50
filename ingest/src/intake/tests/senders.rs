//! Senders that the configuration names, and how they prove themselves.

use super::*;

#[tokio::test]
async fn a_sender_with_a_secret_is_taken_only_with_a_proof() {
    let bench = Bench::new();
    let send = async |path: &str, token: &str| {
        let request = HttpRequest::post(path).header("content-type", JSON);
        let request = request.header("authorization", format!("Bearer {token}"));
        let body = Body::from(item("1", "service:a"));
        let (status, answer) = bench.ask(request.body(body).unwrap()).await;
        told(status, &answer)
    };
    assert_eq!(
        send("/ingest/events/shop", "guess").await,
        "401:\n  [0] : the proof in the header authorization does not fit the body"
    );
    assert_eq!(
        send("/ingest/events/shop", "s3cret").await,
        "200 at 1: 1 accepted"
    );
    assert_eq!(
        send("/ingest/events/nobody", "s3cret").await,
        "404:\n  [0] : no sender \"nobody\" is configured for this address"
    );
    let counted = bench.intake.counters();
    assert_eq!(counted[0].requests_refused_invalid, 2);
}
