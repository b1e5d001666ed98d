from workbook.checks import task, expect, Api, skip
@task("1.1")
def test_health(api):
    reply = api.get("/health").should_be(200)
    expect(reply.field("status")).to_be("ok")
@task("1.6")
def test_ask(api, llm):
    said = llm.will_say("azul", "\n\nverde", gated=False, to="cor?")
    reply = api.post("/ask", {"message": "cor?"}).should_be(200)
    expect(reply.field("reply")).to_be(said.text)
@task("1.6")
def test_one_client(api, llm):
    for i in range(3): api.post("/ask", {"message": "cor?"}).should_be(200)
    expect(llm.connections).to_be(1, "um cliente novo")
@task("1.7")
def test_meanwhile(api, llm):
    said = llm.will_say("a", gated=True, to="p1")
    first = api.begin("POST", "/ask", {"message": "p1"})
    expect(api.eventually(lambda: said.request)).to_be(True)
    ok = api.begin("GET", "/health")
    expect(api.patiently(ok.has_come, ok.call)).to_be(True)
    said.finish()
    expect(first.field("reply")).to_be("a")
