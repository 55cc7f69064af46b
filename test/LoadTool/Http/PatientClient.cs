namespace GrainDb.LoadTool.Http;

/// <summary>
/// Repeats a request until it is answered with something that a repetition would not change. Only for requests that may be
/// repeated whatever became of the first try: reads, and writes of a value that nobody else writes.
/// </summary>
internal static class PatientClient
{
    /// <summary>Most tries of one request.</summary>
    public const int MaxAttempts = 20;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <summary>Sends it.</summary>
    /// <returns>Null when the last response is to be judged by the caller; else why there is none.</returns>
    public static async Task<string?> SendAsync(HttpClientSession session, ReadOnlyMemory<byte> request, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            var error = await session.SendAsync(request, cancellationToken);
            if (error is null && session.Response.Status is not (429 or 503 or 504))
                return null;
            if (attempt == MaxAttempts)
                return error ?? Problem.Read(session.Response).Code;
            await Task.Delay(Pause, cancellationToken);
        }
    }
}
