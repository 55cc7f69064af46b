namespace GrainDb.Silo.Hosting;

/// <summary>What the process ends with.</summary>
public static class ExitCode
{
    /// <summary>Stopped as asked, or the offline tool found nothing wrong.</summary>
    public const int Success = 0;

    /// <summary>Stopped by a failure while it ran, could not drain in time, or the offline tool found problems.</summary>
    public const int Failed = 1;

    /// <summary>Did not start: wrong option, unusable directory, taken port, data directory in use.</summary>
    public const int Refused = 2;
}
