namespace GrainDb.Silo.Hosting;

/// <summary>
/// The process cannot start as it was asked to: a wrong setting, a directory that is in use, a taken port. The message is the one line
/// that the operator sees; it names the setting, its value and its bound. Ends the process with <see cref="ExitCode.Refused"/>.
/// </summary>
public sealed class StartRefusedException : Exception
{
    public StartRefusedException(string message)
        : base(message)
    {
    }

    public StartRefusedException(string message, Exception cause)
        : base(message, cause)
    {
    }
}
