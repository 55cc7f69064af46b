using System.Diagnostics;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Errors;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.Extensions.Logging;

namespace GrainDb.Api.Errors;

/// <summary>
/// Problem documents for what Kestrel refuses before there is a request: overlong headers, a request line that does not
/// parse, NUL in a path. Kestrel answers those with a bare status and closes the connection. It announces each refusal as a
/// diagnostic event before it writes that answer; from then on <see cref="RejectionTransport"/> holds its bytes back and
/// sends the document instead. Only HTTP/1: in HTTP/2 such a refusal is an error of the protocol and has no body.
/// </summary>
internal sealed class RejectionDocuments(ILogger logger) : IObserver<KeyValuePair<string, object?>>
{
    private const string BadRequestEvent = "Microsoft.AspNetCore.Server.Kestrel.BadRequest";

    /// <summary>Puts the transport under every endpoint.</summary>
    public static void Apply(KestrelServerOptions kestrel) => kestrel.ConfigureEndpointDefaults(listen => listen.Use(next => connection => RunAsync(next, connection)));

    /// <summary>Listens for refusals; the subscription lives as long as the listener.</summary>
    public static void Subscribe(DiagnosticListener listener, ILogger logger) =>
        listener.Subscribe(new RejectionDocuments(logger), static name => name == BadRequestEvent);

    public void OnNext(KeyValuePair<string, object?> value)
    {
        if (value.Key != BadRequestEvent
            || value.Value is not IFeatureCollection features
            || features.Get<IBadRequestExceptionFeature>()?.Error is not { } error
            || features.Get<RejectionTransport>() is not { } transport)
            return;
        ErrorLog.Refused(logger, error.Message);
        var started = features.Get<IHttpResponseFeature>() is not { HasStarted: false };
        var encrypted = features.Get<ITlsHandshakeFeature>() is not null && !transport.InsideTls;
        if (started || encrypted || features.Get<IHttp2StreamIdFeature>() is not null)
            return;
        var head = features.Get<IHttpRequestFeature>()?.Method is { } method && HttpMethods.IsHead(method);
        var traceId = features.Get<IHttpRequestIdentifierFeature>()?.TraceIdentifier ?? "";
        transport.Substitute(RejectionAnswer.Serialize(Describe(error), traceId, withBody: !head));
    }

    public void OnCompleted()
    {
        // The listener went with its host.
    }

    public void OnError(Exception error)
    {
        // A diagnostic source reports no errors of its own.
    }

    /// <summary>What was wrong, with our bound where it is one of ours. Nothing has reached a handler, so nothing was applied.</summary>
    internal static Failure Describe(Exception error)
    {
        var status = (error as Microsoft.AspNetCore.Http.BadHttpRequestException)?.StatusCode ?? StatusCodes.Status400BadRequest;
        var detail = status switch
        {
            StatusCodes.Status431RequestHeaderFieldsTooLarge =>
                $"{error.Message} The headers have at most {RequestLimits.MaxHeaderBytes} bytes in total and {RequestLimits.MaxHeaders} lines.",
            StatusCodes.Status414UriTooLong => $"{error.Message} The request line has at most {RequestLimits.MaxRequestLineBytes} bytes.",
            _ when error.Message.Contains("request target", StringComparison.OrdinalIgnoreCase) =>
                $"{error.Message} A path cannot carry NUL (%00): a key of arbitrary bytes goes into key64.",
            _ => error.Message,
        };
        return Failure.NotApplied(ErrorCode.InvalidRequest, detail);
    }

    private static async Task RunAsync(ConnectionDelegate next, ConnectionContext connection)
    {
        var inner = connection.Transport;
        var transport = new RejectionTransport(inner, insideTls: connection.Features.Get<ITlsHandshakeFeature>() is not null);
        connection.Features.Set(transport);
        connection.Transport = transport;
        try
        {
            await next(connection);
        }
        finally
        {
            connection.Transport = inner;
        }
    }
}
