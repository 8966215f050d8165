//! What was decided about providers by hand, and until when.

use store::Place;

use crate::place::{Ground, odd_texts, wait};

crate::on_both!(
    ; in memory, too:
    what_was_decided_is_in_force_until_its_time_is_over,
    any_name_and_text_comes_back,
);

fn what_was_decided_is_in_force_until_its_time_is_over(ground: &Ground) {
    let db = ground.open();
    wait(async {
        db.keep_standing("b", "paused", None).await.unwrap();
        db.keep_standing("a", "open", Some(50)).await.unwrap();
        db.keep_standing("a", "closed", Some(100)).await.unwrap();
        let (a, b) = (("a".into(), "closed".into(), Some(100)), ("b".into(), "paused".into(), None));
        assert_eq!(db.standings(99).await.unwrap(), [a, b.clone()]);
        assert_eq!(db.standings(100).await.unwrap(), [b]);
        if ground.place != Place::Memory {
            let health = db.health(false).await.unwrap();
            assert!(health.tables.contains(&("standings".into(), 1)), "{:?}", health.tables);
        }
        assert!(db.remove_standing("b").await.unwrap());
        assert!(!db.remove_standing("b").await.unwrap());
        assert_eq!(db.standings(0).await.unwrap(), []);
    });
}

fn any_name_and_text_comes_back(ground: &Ground) {
    let db = ground.open();
    wait(async {
        let texts = odd_texts();
        for text in &texts {
            db.keep_standing(text, text, None).await.unwrap();
        }
        let mut all = db.standings(0).await.unwrap();
        assert_eq!(all.len(), texts.len());
        for text in &texts {
            assert!(all.contains(&(text.clone(), text.clone(), None)), "{text:.20}");
            assert!(db.remove_standing(text).await.unwrap());
        }
        all = db.standings(0).await.unwrap();
        assert_eq!(all, []);
        assert!(db.keep_standing("a", "\0", None).await.is_err());
    });
}
