//! Bodies and listings that come packed.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

async fn send_packed(bench: &Bench, encoding: &str, body: Vec<u8>) -> String {
    let request = HttpRequest::post("/ingest/events")
        .header("content-type", JSON)
        .header("content-encoding", encoding);
    let (status, answer) = bench.ask(request.body(body.into()).unwrap()).await;
    told(status, &answer)
}

#[tokio::test]
async fn gzip_is_undone_and_the_limit_holds_for_what_comes_of_it() {
    let bench = Bench::new();
    let good = gzip(item("1", "service:a").as_bytes());
    assert_eq!(
        send_packed(&bench, "gzip", good.clone()).await,
        "200 at 1: 1 accepted"
    );
    let bomb = gzip(&vec![b' '; 1024 * 1024 + 1]);
    let cut = good[..good.len() / 2].to_vec();
    let mut told = String::new();
    for (encoding, body) in [("gzip", bomb), ("gzip", cut), ("br", good)] {
        writeln!(told, "{}", send_packed(&bench, encoding, body).await).unwrap();
    }
    insta::assert_snapshot!(told, @r#"
    413:
      [0] : the body has more than 1048576 bytes after decompression
    400:
      [0] : the body is not gzip
    415:
      [0] : the content encoding "br" is not taken; gzip and identity are
    "#);
}

/// Sends a packed listing in pieces of some bytes, and tells the status and what became of it.
async fn list_packed(bench: &Bench, packed: &[u8], piece: usize) -> String {
    let pieces: Vec<Result<Vec<u8>, std::io::Error>> = packed
        .chunks(piece)
        .map(|piece| Ok(piece.to_vec()))
        .collect();
    let request = HttpRequest::post("/ingest/listing?source=cmdb")
        .header("content-type", LINES)
        .header("content-encoding", "gzip")
        .body(Body::from_stream(futures_util::stream::iter(pieces)));
    let (status, answer) = bench.ask(request.unwrap()).await;
    format!("{status} {} {}", answer["accepted"], answer["complete"])
}

#[tokio::test]
async fn a_listing_may_be_packed_and_counts_among_what_came() {
    let line =
        |number: usize| format!(r#"{{"type":"item.observed","data":{{"key":"host:{number}"}}}}"#);
    let lines: Vec<String> = (0..3_000).map(line).collect();
    let body = format!("{}\n{{\"complete\":true}}\n", lines.join("\n"));
    let packed = gzip(body.as_bytes());
    for piece in [7, usize::MAX] {
        let bench = Bench::new();
        assert_eq!(
            list_packed(&bench, &packed, piece).await,
            "200 OK 3000 true"
        );
        let counted = bench.intake.counters();
        let listing = counted.iter().find(|it| it.form == "listing").unwrap();
        // That everything was listed is an event as well.
        assert_eq!((listing.accepted, listing.rejected), (3_001, 0));
    }
    // Two packed parts in a row are one body, as they are elsewhere.
    let (first, second) = body.as_bytes().split_at(body.len() / 2);
    let parts = [gzip(first), gzip(second)].concat();
    assert_eq!(
        list_packed(&Bench::new(), &parts, 100).await,
        "200 OK 3000 true"
    );
}

#[tokio::test]
async fn a_packed_listing_that_breaks_off_or_is_none_is_refused_and_ends_nothing() {
    let bench = Bench::new();
    let body = format!("{}\n{{\"complete\":true}}\n", item("1", "host:a"));
    let packed = gzip(body.as_bytes());
    let torn = list_packed(&bench, &packed[..packed.len() - 6], 16).await;
    assert_eq!(torn, "400 Bad Request 0 null");
    let plain = list_packed(&bench, body.as_bytes(), 16).await;
    assert_eq!(plain, "400 Bad Request 0 null");
    let bomb = gzip(&vec![b' '; 40 * 1024 * 1024]);
    let bomb = list_packed(&bench, &bomb, usize::MAX).await;
    assert_eq!(bomb, "413 Payload Too Large 0 null");
    let counted = bench.intake.counters();
    let refused = counted.iter().map(|it| it.requests_refused_invalid);
    assert_eq!(refused.sum::<u64>(), 3);
    assert_eq!(bench.events().len(), 0);
}
