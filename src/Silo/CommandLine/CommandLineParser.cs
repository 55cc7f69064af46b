using GrainDb.Silo.Configuration;
using GrainDb.Silo.Hosting;

namespace GrainDb.Silo.CommandLine;

/// <summary>
/// Splits the arguments into settings. It checks form only (known option, one value, not twice); what a value may be is checked in one
/// place for command line, environment and files alike: <see cref="ServerOptionsReader"/>.
/// </summary>
public static class CommandLineParser
{
    private const string ConfigOption = "--config";

    /// <exception cref="StartRefusedException">The arguments have no meaning.</exception>
    public static Invocation Parse(IReadOnlyList<string> args)
    {
        ArgumentNullException.ThrowIfNull(args);
        if (args.Any(arg => arg is "--help" or "-h"))
            return new Invocation.ShowHelp();
        if (args is ["--version"])
            return new Invocation.ShowVersion();
        return args is ["wal", ..] ? ParseWal(args) : ParseServe(args);
    }

    private static Invocation ParseWal(IReadOnlyList<string> args)
    {
        if (args.Count < 2)
            throw new StartRefusedException("wal: needs a command, inspect or verify, and a directory");
        if (args[1] is not ("inspect" or "verify"))
            throw new StartRefusedException($"wal {args[1]}: unknown command, must be inspect or verify");
        if (args.Count < 3 || args[2].Length == 0)
            throw new StartRefusedException($"wal {args[1]}: needs a directory");
        if (args.Count > 3)
            throw new StartRefusedException($"wal {args[1]}: unexpected argument '{args[3]}' after the directory");
        if (!Directory.Exists(args[2]))
            throw new StartRefusedException($"wal {args[1]} {args[2]}: no such directory");
        return args[1] == "inspect" ? new Invocation.InspectWal(args[2]) : new Invocation.VerifyWal(args[2]);
    }

    private static Invocation.Serve ParseServe(IReadOnlyList<string> args)
    {
        var settings = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        string? configFile = null;
        for (var i = 0; i < args.Count; i++)
        {
            var (option, inlineValue) = SplitInlineValue(args[i]);
            if (!option.StartsWith("--", StringComparison.Ordinal))
                throw new StartRefusedException($"'{args[i]}': unexpected argument, --help shows the command line");
            var setting = Setting.All.FirstOrDefault(candidate => candidate.Option == option);
            if (setting is null && option != ConfigOption)
                throw new StartRefusedException($"{option}: unknown option, --help shows the command line");

            var value = inlineValue;
            if (value is null)
            {
                if (i + 1 >= args.Count || args[i + 1].StartsWith("--", StringComparison.Ordinal))
                    throw new StartRefusedException($"{option}: needs a value");
                value = args[++i];
            }

            if (setting is null ? configFile is not null : settings.ContainsKey(setting.Key))
                throw new StartRefusedException($"{option}: given twice");
            if (setting is null)
                configFile = value;
            else
                settings.Add(setting.Key, value);
        }

        return new Invocation.Serve(settings, configFile);
    }

    private static (string Option, string? Value) SplitInlineValue(string arg)
    {
        var equals = arg.StartsWith("--", StringComparison.Ordinal) ? arg.IndexOf('=') : -1;
        return equals < 0 ? (arg, null) : (arg[..equals], arg[(equals + 1)..]);
    }
}
