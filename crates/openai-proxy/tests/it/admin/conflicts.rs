//! Several who change the same at once.

use serde_json::json;

use super::{get, good, open_house, refused, send, send_with};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_made_for_another_revision_is_refused_with_both_numbers() {
    let house = open_house();
    let tag = get(&house, "/admin/v1/config").await.header("etag").unwrap().to_owned();
    let patch = |priority: i64| json!({"providers": {"one": {"priority": priority}}}).to_string();
    let first = send_with(&house, "PATCH", "/admin/v1/config", &[("if-match", &tag)], &patch(1)).await;
    let revision = good(&first)["revision"].as_u64().unwrap();
    assert_eq!(first.header("etag"), Some(&*format!("\"{revision}\"")));
    let stale = send_with(&house, "PATCH", "/admin/v1/config", &[("if-match", &tag)], &patch(2)).await;
    assert_eq!(refused(&stale, 409), "conflict");
    assert_eq!(stale.json()["revision"], revision);
    assert_eq!(format!("\"{}\"", stale.json()["expected_revision"]), tag);
    good(&send_with(&house, "PATCH", "/admin/v1/config", &[("if-match", "*")], &patch(3)).await);
    for wrong in ["12", "\"x\"", "W/\"1\"", "\"1\", \"2\"", "\"-1\"", "\"99999999999999999999999\""] {
        let answer = send_with(&house, "PATCH", "/admin/v1/config", &[("if-match", wrong)], &patch(4)).await;
        assert_eq!(refused(&answer, 400), "malformed_request", "{wrong}");
    }
    let stale = send_with(&house, "DELETE", "/instances/one", &[("if-match", &tag)], "").await;
    assert_eq!(refused(&stale, 409), "conflict");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_who_change_the_same_revision_exactly_one_wins_each_round() {
    let house = open_house();
    for round in 0..5 {
        let tag = get(&house, "/admin/v1/config").await.header("etag").unwrap().to_owned();
        let writers = (0..50).map(|writer| {
            let (house, tag) = (&house, &tag);
            async move {
                let body = json!({"providers": {"one": {"priority": round * 100 + writer + 1}}}).to_string();
                (writer, send_with(house, "PATCH", "/admin/v1/config", &[("if-match", tag)], &body).await)
            }
        });
        let answers = futures_util::future::join_all(writers).await;
        let won: Vec<i64> =
            answers.iter().filter(|(_, answer)| answer.status == 200).map(|(writer, _)| *writer).collect();
        assert_eq!(won.len(), 1, "{:?}", answers.iter().map(|(_, answer)| answer.status).collect::<Vec<_>>());
        for (_, answer) in answers.iter().filter(|(writer, _)| *writer != won[0]) {
            assert_eq!(refused(answer, 409), "conflict");
        }
        let counts = good(&get(&house, "/instances/config/one").await);
        assert_eq!(counts["priority"], round * 100 + won[0] + 1, "what counts is the winner's");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_binds_a_change_to_no_revision_loses_nothing_of_others() {
    let house = open_house();
    let add = (0..12).map(|number| {
        let house = &house;
        async move {
            let body = json!({"name": format!("p-{number}"), "type": "openai", "base_url": "http://127.0.0.1:9/v1", "api_key": "sk-some-key-0123"});
            send(house, "POST", "/instances/add", &body.to_string()).await
        }
    });
    for answer in futures_util::future::join_all(add).await {
        good(&answer);
    }
    let all = good(&get(&house, "/instances?name=P-").await);
    assert_eq!(all["data"].as_array().unwrap().len(), 12);
    // Of several who add the same, one does.
    let same = (0..8).map(|_| send(&house, "POST", "/instances/add", r#"{"name":"same","type":"openai","base_url":"http://127.0.0.1:9/v1","api_key":"sk-some-key-0123"}"#));
    let statuses: Vec<u16> =
        futures_util::future::join_all(same).await.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 7, "{statuses:?}");
}
