using GrainDb.Api.Keys;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace GrainDb.Api.Requests;

/// <summary>
/// The host may run a request in the thread that serves its socket and many others (<c>graindb</c> does). Only what neither computes for long nor waits for a disk may stay there,
/// and only what gains by it does: reads of one key of strong keyspaces that their leader answers from memory at once (the other reads of a key leave it further inside). Everything else goes on in the thread pool.
/// </summary>
internal sealed class SocketThreadMiddleware(RequestDelegate next)
{
    public Task InvokeAsync(HttpContext context) => IsReadOfOneKey(context) ? next(context) : InPoolAsync(context);

    /// <summary>Goes on in the thread pool, at once where this is one of its threads.</summary>
    public static async ValueTask LeaveAsync()
    {
        if (!Thread.CurrentThread.IsThreadPoolThread)
            await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
    }

    private static bool IsReadOfOneKey(HttpContext context) =>
        HttpMethods.IsGet(context.Request.Method)
        && KeyTarget.TryParse(context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget, out var target)
        && target is { Root: KeyRoot.Keys, HasKey: true };

    private async Task InPoolAsync(HttpContext context)
    {
        await LeaveAsync();
        await next(context);
    }
}
