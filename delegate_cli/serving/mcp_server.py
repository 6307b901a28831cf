"""`tools` over the Model Context Protocol, on stdin and stdout or over HTTP. This is the home file of the official SDK."""

import asyncio
from collections.abc import Mapping
from typing import Any

import anyio.to_thread
from mcp import types
from mcp.server import Server
from mcp.server.context import ServerRequestContext
from mcp.server.stdio import stdio_server
from mcp.server.transport_security import TransportSecuritySettings
from mcp.shared.exceptions import MCPError

from delegate_cli import __version__
from delegate_cli.errors import DelegateError
from delegate_cli.render.jsonl import dumps
from delegate_cli.serving import tools
from delegate_cli.serving.engine import Engine
from delegate_cli.serving.guard import App, Guard
from delegate_cli.serving.shapes import MAX_BODY

PATH = "/mcp"
_JSON = "application/json"
Context = ServerRequestContext[Any]


def server(engine: Engine) -> "Server[Any]":
    """The server, for any transport."""
    offered = tools.tools(engine)
    listed = [_tool(each) for each in offered.values()]

    async def list_tools(context: Context, params: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        return types.ListToolsResult(tools=listed)

    async def call_tool(context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        tool = offered.get(params.name)
        if tool is None:
            raise MCPError(types.INVALID_PARAMS, f"there is no tool {params.name[:80]!r}")
        return await anyio.to_thread.run_sync(_called, engine, tool, params.arguments or {})

    async def list_resources(context: Context, params: types.PaginatedRequestParams | None) -> types.ListResourcesResult:
        roster = types.Resource(
            uri=tools.ROSTER, name="roster", title="The roster", description="Every agent with its card.", mime_type=_JSON
        )
        return types.ListResourcesResult(resources=[roster])

    async def list_templates(
        context: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListResourceTemplatesResult:
        agent = types.ResourceTemplate(
            uri_template=tools.AGENT, name="agent", title="An agent", description="The card of one agent.", mime_type=_JSON
        )
        return types.ListResourceTemplatesResult(resource_templates=[agent])

    async def read_resource(context: Context, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
        text = tools.resource(params.uri, engine.current.roster)
        if text is None:
            raise MCPError(types.INVALID_PARAMS, f"there is no resource {params.uri[:200]!r}", {"uri": params.uri})
        contents = types.TextResourceContents(uri=params.uri, mime_type=_JSON, text=text)
        return types.ReadResourceResult(contents=[contents])

    return Server(
        "delegate",
        version=__version__,
        title="delegate",
        instructions=tools.INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=list_resources,
        on_list_resource_templates=list_templates,
        on_read_resource=read_resource,
    )


def _tool(tool: tools.Tool) -> types.Tool:
    hints = types.ToolAnnotations(
        title=tool.title, read_only_hint=not tool.writes, destructive_hint=False, idempotent_hint=False, open_world_hint=False
    )
    return types.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=dict(tool.arguments),
        output_schema=dict(tool.answer),
        annotations=hints,
    )


def _called(engine: Engine, tool: tools.Tool, arguments: Mapping[str, Any]) -> types.CallToolResult:
    try:
        with engine.use() as loaded:
            answer, failed = tool.call(loaded, arguments), False
    except DelegateError as error:  # for the model, which may ask otherwise
        answer, failed = tools.error_of(tool.name, error, arguments), True
    text = types.TextContent(type="text", text=dumps(answer))
    return types.CallToolResult(content=[text], structured_content=answer, is_error=failed)


def over_stdio(engine: Engine) -> None:
    """Serve whoever started this process, until stdin ends. stdout carries the protocol and nothing else."""

    async def serve() -> None:
        watching = asyncio.create_task(engine.watch())
        try:
            found = server(engine)
            async with stdio_server() as (incoming, outgoing):
                await found.run(incoming, outgoing, found.create_initialization_options())
        finally:
            watching.cancel()

    asyncio.run(serve())


def application(engine: Engine, hosts: tuple[str, ...] | None, token: str | None) -> App:
    """Streamable HTTP at `PATH`, guarded; `hosts` and `token` as for `Guard`, which does what the SDK's own check would."""
    app = server(engine).streamable_http_app(
        streamable_http_path=PATH,
        json_response=True,
        max_request_body_size=MAX_BODY,
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
    return Guard(app, engine.figures, hosts, token, [PATH], [PATH])
