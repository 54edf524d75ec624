//! Reading the document in which an OAuth client describes itself (draft-ietf-oauth-client-id-metadata-document).
