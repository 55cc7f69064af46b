using GrainDb.Api.Keys;
using Microsoft.AspNetCore.Http;

namespace GrainDb.Api.Requests;

/// <summary>
/// Ends a call of the administrative interfaces, which take a token and no budget, when the request's <c>GrainDb-Timeout</c>
/// is over or its caller has gone.
/// </summary>
internal sealed class Deadline : IDisposable
{
    private readonly CancellationTokenSource _source;

    private Deadline(CancellationTokenSource source) => _source = source;

    public CancellationToken Token => _source.Token;

    /// <summary>Starts the request's time: its header, or the default.</summary>
    public static Deadline Start(HttpContext context) => Start(context, KeyRequest.ReadTimeout(context.Request.Headers));

    /// <summary>The same for work that is long by nature: the header, or the longest that is permitted.</summary>
    public static Deadline StartLong(HttpContext context) => Start(
        context,
        context.Request.Headers.ContainsKey(KeyRequest.TimeoutHeader) ? KeyRequest.ReadTimeout(context.Request.Headers) : KeyRequest.MaxTimeout);

    public void Dispose() => _source.Dispose();

    private static Deadline Start(HttpContext context, TimeSpan timeout)
    {
        var source = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        source.CancelAfter(timeout);
        return new Deadline(source);
    }
}
