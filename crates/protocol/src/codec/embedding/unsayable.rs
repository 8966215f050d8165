//! What several ways to ask for vectors cannot say.

use crate::hub::Unsayable;

pub(super) static TOKENS: Unsayable = Unsayable {
    what: "tokens",
    why: "refused: they are numbers of one vendor's dictionary, and mean something else or nothing here; the text has to be sent",
};
pub(super) static PARTS: Unsayable =
    Unsayable { what: "parts", why: "a text in several parts is said as one, a line break between them" };
pub(super) static PACKED: Unsayable = Unsayable {
    what: "embedding_types",
    why: "those other than `float` and `base64` are left out, and refused where no other is wanted: only the vendor they come from packs vectors so",
};
pub(super) static USER: Unsayable = Unsayable { what: "user", why: "left out: there is no such field" };
