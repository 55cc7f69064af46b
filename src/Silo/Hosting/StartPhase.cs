namespace GrainDb.Silo.Hosting;

/// <summary>
/// While hosts start, what makes one fail is told once, by the process, in the line that it ends with. Orleans and the host would each
/// log it too, with stack traces.
/// </summary>
public sealed class StartPhase
{
    private static readonly string[] Tellers =
    [
        "Orleans.Runtime.SiloLifecycleSubject", "Orleans.Runtime.Silo", "Orleans.Runtime.MembershipService.MembershipTableManager",
        "Microsoft.Extensions.Hosting.Internal.Host",
    ];

    private volatile bool _over;

    public void End() => _over = true;

    /// <summary>Silences them until the start is over.</summary>
    public void Filter(ILoggingBuilder logging)
    {
        foreach (var category in Tellers)
            logging.AddFilter(category, level => _over && level >= LogLevel.Warning);
    }
}
