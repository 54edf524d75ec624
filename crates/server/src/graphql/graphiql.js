// Starts GraphiQL. It asks this server, with the cookie of whoever is signed in; nobody else is asked anything.
const fetcher = async (request) => {
  const response = await fetch("/graphql", {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json" },
    credentials: "same-origin",
    body: JSON.stringify(request),
  });
  return response.json();
};

const defaultQuery = `# Queries run as you, with your permissions.
# The book on the left describes all there is.
{
  currentUser {
    name
    email
    permissions
  }
  apiKeys(first: 10) {
    nodes {
      name
      status
      maskedToken
      expiresAt
    }
  }
}
`;

ReactDOM.createRoot(document.getElementById("graphiql")).render(
  React.createElement(GraphiQL, {
    fetcher,
    defaultQuery,
    // The cookie says who asks. There is no editor for headers, so that no token is typed here and kept by the browser.
    isHeadersEditorEnabled: false,
    showPersistHeadersSettings: false,
  }),
);
