//! Names in a listing as the client asked for them: `encoding-type=url` is answered percent-encoded, since XML cannot
//! hold every key. s3s-fs echoes the parameter and leaves the names bare, so that a client decodes what is not encoded.
use s3s::dto::{CommonPrefix, EncodingType, ListObjectsOutput, ListObjectsV2Output, Object};

use super::uri::encode;

pub(super) fn encode_v1(listed: &mut ListObjectsOutput) {
    let names = [&mut listed.prefix, &mut listed.delimiter, &mut listed.marker, &mut listed.next_marker];
    encode_all(listed.encoding_type.as_ref(), names, &mut listed.contents, &mut listed.common_prefixes);
}

pub(super) fn encode_v2(listed: &mut ListObjectsV2Output) {
    let names = [&mut listed.prefix, &mut listed.delimiter, &mut listed.start_after];
    encode_all(listed.encoding_type.as_ref(), names, &mut listed.contents, &mut listed.common_prefixes);
}

fn encode_all<const COUNT: usize>(
    asked: Option<&EncodingType>,
    names: [&mut Option<String>; COUNT],
    contents: &mut Option<Vec<Object>>,
    folders: &mut Option<Vec<CommonPrefix>>,
) {
    if asked.is_none_or(|asked| asked.as_str() != EncodingType::URL) {
        return;
    }
    let keys = contents.iter_mut().flatten().map(|object| &mut object.key);
    let folders = folders.iter_mut().flatten().map(|folder| &mut folder.prefix);
    for name in names.into_iter().chain(keys).chain(folders).flatten() {
        *name = encode(name.as_bytes(), "/");
    }
}
