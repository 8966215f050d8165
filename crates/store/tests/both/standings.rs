//! What was decided about providers by hand, and until when.

use store::{Place, Whence};

use crate::place::{Ground, odd_texts, wait};

crate::on_both!(
    ; in memory, too:
    what_was_decided_is_in_force_until_its_time_is_over,
    any_name_and_text_comes_back,
    what_was_decided_and_what_was_learnt_are_kept_apart,
);

fn what_was_decided_is_in_force_until_its_time_is_over(ground: &Ground) {
    let db = ground.open();
    wait(async {
        db.keep_standing(Whence::ByHand, "b", "paused", None).await.unwrap();
        db.keep_standing(Whence::ByHand, "a", "open", Some(50)).await.unwrap();
        db.keep_standing(Whence::ByHand, "a", "closed", Some(100)).await.unwrap();
        let (a, b) = (("a".into(), "closed".into(), Some(100)), ("b".into(), "paused".into(), None));
        assert_eq!(db.standings(Whence::ByHand, 99).await.unwrap(), [a, b.clone()]);
        assert_eq!(db.standings(Whence::ByHand, 100).await.unwrap(), [b]);
        if ground.place != Place::Memory {
            let health = db.health(false).await.unwrap();
            assert!(health.tables.contains(&("standings".into(), 1)), "{:?}", health.tables);
        }
        assert!(db.remove_standing(Whence::ByHand, "b").await.unwrap());
        assert!(!db.remove_standing(Whence::ByHand, "b").await.unwrap());
        assert_eq!(db.standings(Whence::ByHand, 0).await.unwrap(), []);
    });
}

fn any_name_and_text_comes_back(ground: &Ground) {
    let db = ground.open();
    wait(async {
        let texts = odd_texts();
        for text in &texts {
            db.keep_standing(Whence::ByHand, text, text, None).await.unwrap();
        }
        let mut all = db.standings(Whence::ByHand, 0).await.unwrap();
        assert_eq!(all.len(), texts.len());
        for text in &texts {
            assert!(all.contains(&(text.clone(), text.clone(), None)), "{text:.20}");
            assert!(db.remove_standing(Whence::ByHand, text).await.unwrap());
        }
        all = db.standings(Whence::ByHand, 0).await.unwrap();
        assert_eq!(all, []);
        assert!(db.keep_standing(Whence::ByHand, "a", "\0", None).await.is_err());
    });
}

fn what_was_decided_and_what_was_learnt_are_kept_apart(ground: &Ground) {
    let db = ground.open();
    wait(async {
        db.keep_standing(Whence::ByHand, "a", "paused", None).await.unwrap();
        db.keep_standing(Whence::Learnt, "a", "open", Some(50)).await.unwrap();
        assert_eq!(db.standings(Whence::Learnt, 49).await.unwrap(), [("a".into(), "open".into(), Some(50))]);
        assert_eq!(db.standings(Whence::Learnt, 50).await.unwrap(), []);
        assert_eq!(db.standings(Whence::ByHand, 50).await.unwrap().len(), 1);
        assert!(!db.remove_standing(Whence::Learnt, "a").await.unwrap());
    });
}
