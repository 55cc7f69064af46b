using System.Globalization;

namespace GrainDb.LoadTool.Commands;

/// <summary>Options of one command: <c>--name value</c> or a bare <c>--flag</c>. Unknown and repeated ones are errors.</summary>
internal sealed class Arguments
{
    private readonly Dictionary<string, string> _values = [];

    private Arguments()
    {
    }

    /// <summary>Reads the command line.</summary>
    /// <param name="args">What follows the command's name.</param>
    /// <param name="options">Names that take a value.</param>
    /// <param name="flags">Names that take none.</param>
    /// <exception cref="UsageException">Something is unknown, repeated or incomplete.</exception>
    public static Arguments Parse(ReadOnlySpan<string> args, ReadOnlySpan<string> options, ReadOnlySpan<string> flags)
    {
        var arguments = new Arguments();
        for (var i = 0; i < args.Length; i++)
        {
            if (!args[i].StartsWith("--", StringComparison.Ordinal))
                throw new UsageException($"'{args[i]}' is not an option");
            var name = args[i][2..];
            var value = "true";
            if (options.Contains(name))
            {
                if (i + 1 == args.Length)
                    throw new UsageException($"--{name} needs a value");
                value = args[++i];
            }
            else if (!flags.Contains(name))
            {
                throw new UsageException($"--{name} is not an option of this command");
            }

            if (!arguments._values.TryAdd(name, value))
                throw new UsageException($"--{name} is given twice");
        }

        return arguments;
    }

    /// <summary>Whether the option or flag is given.</summary>
    public bool Has(string name) => _values.ContainsKey(name);

    /// <summary>The text of an option that must be given.</summary>
    public string Required(string name) =>
        _values.TryGetValue(name, out var value) ? value : throw new UsageException($"--{name} is required");

    /// <summary>The text of an option.</summary>
    public string Text(string name, string otherwise) => _values.GetValueOrDefault(name, otherwise);

    /// <summary>One of several words.</summary>
    public string Choice(string name, string otherwise, params ReadOnlySpan<string> choices)
    {
        var value = Text(name, otherwise);
        return choices.Contains(value)
            ? value
            : throw new UsageException($"--{name} {value}: must be one of {string.Join(", ", choices)}");
    }

    /// <summary>A whole number within bounds.</summary>
    public int Integer(string name, int otherwise, int min, int max)
    {
        if (!_values.TryGetValue(name, out var text))
            return otherwise;
        if (!int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) || value < min || value > max)
            throw new UsageException($"--{name} {text}: must be a whole number from {min} to {max}");
        return value;
    }

    /// <summary>A number within bounds.</summary>
    public double Number(string name, double otherwise, double min, double max)
    {
        if (!_values.TryGetValue(name, out var text))
            return otherwise;
        if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) || !(value >= min && value <= max))
            throw new UsageException($"--{name} {text}: must be a number from {min} to {max}");
        return value;
    }

    /// <summary>A span such as <c>500ms</c>, <c>10s</c> or <c>2m</c>, within bounds.</summary>
    public TimeSpan Duration(string name, TimeSpan otherwise, TimeSpan min, TimeSpan max)
    {
        if (!_values.TryGetValue(name, out var text))
            return otherwise;
        (string Suffix, double Seconds)[] units = [("ms", 0.001), ("s", 1), ("m", 60)];
        foreach (var (suffix, seconds) in units)
        {
            if (text.EndsWith(suffix, StringComparison.Ordinal)
                && double.TryParse(text.AsSpan(0, text.Length - suffix.Length), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
                && number * seconds >= min.TotalSeconds
                && number * seconds <= max.TotalSeconds)
            {
                return TimeSpan.FromSeconds(number * seconds);
            }
        }

        throw new UsageException($"--{name} {text}: must be a span like 500ms, 10s or 2m, from {min.TotalSeconds} s to {max.TotalSeconds} s");
    }

    /// <summary>A comma-separated list; empty when absent.</summary>
    public string[] List(string name) =>
        Text(name, "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
