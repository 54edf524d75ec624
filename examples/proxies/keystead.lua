-- Asks Keystead about a request's API key. In haproxy.cfg: http-request lua.keystead http://127.0.0.1:8080/verify
-- It sets txn.keystead to "accepted", or answers the request itself.

-- Without an answer in time the request is refused, in milliseconds.
local TIMEOUT = 2000

local function refuse(txn, status, headers, body)
    local reply = txn:reply({ status = status })
    for name, value in pairs(headers) do
        reply:add_header(name, value)
    end
    reply:set_body(body)
    txn:done(reply)
end

core.register_action("keystead", { "http-req" }, function(txn, url)
    local asked = { ["x-forwarded-for"] = { txn.f:src() } }
    -- As it came: one that was sent twice is refused by Keystead, not read in a way of our own.
    local sent = txn.http:req_get_headers()["authorization"]
    if sent then
        asked["authorization"] = {}
        for index = 0, #sent do
            table.insert(asked["authorization"], sent[index])
        end
    end

    local answer = core.httpclient():get({ url = url, headers = asked, timeout = TIMEOUT })
    local status = answer and answer.status or 0
    if status == 200 then
        for name, values in pairs(answer.headers) do
            if string.find(name, "^x%-keystead%-") then
                txn.http:req_set_header(name, values[0])
            end
        end
        txn:set_var("txn.keystead", "accepted")
    elseif status == 401 or status == 403 then
        local told = {}
        for _, name in ipairs({ "www-authenticate", "content-type", "cache-control" }) do
            local values = answer.headers[name]
            told[name] = values and values[0]
        end
        refuse(txn, status, told, answer.body or "")
    else
        refuse(txn, 503, { ["retry-after"] = "1" }, "")
    end
end, 1)
